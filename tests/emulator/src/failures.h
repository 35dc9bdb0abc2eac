// The table of calls that are to fail.
#pragma once

namespace gibbslab::emulator {

// Replaces the table and starts counting anew; false, and an empty table, if it cannot be read.
bool set_failures(const char* calls);

}  // namespace gibbslab::emulator
