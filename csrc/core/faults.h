// Faults planted on purpose, to prove that the test suite catches them. Compiled in only with
// GIBBSLAB_FAULTS (never in a wheel); chosen by the environment variable GIBBSLAB_FAULT.
#pragma once

namespace gibbslab {

#ifdef GIBBSLAB_FAULTS
bool fault(const char* name);
#else
constexpr bool fault(const char*) { return false; }
#endif

bool faults_compiled_in();
bool fault_is_planted(
    const char* name);  // fault(), for the bindings, which are compiled without them

}  // namespace gibbslab
