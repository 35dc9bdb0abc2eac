#include "csrc/core/faults.h"

#include <cstdlib>
#include <cstring>

namespace gibbslab {

#ifdef GIBBSLAB_FAULTS
bool fault(const char* name) {
  static const char* planted = std::getenv("GIBBSLAB_FAULT");
  return planted != nullptr && std::strcmp(planted, name) == 0;
}

bool faults_compiled_in() { return true; }
#else
bool faults_compiled_in() { return false; }
#endif

bool fault_is_planted(const char* name) { return fault(name); }

}  // namespace gibbslab
