// What users may choose by environment variables.
#pragma once

#include <initializer_list>
#include <string>

namespace gibbslab {

// The variable's value; empty where it is not set.
std::string setting(const char* variable);

// The same, of a variable that is not set or one of the words; DeviceError, which begins with
// [part], for any other.
std::string setting(const char* part, const char* variable,
                    std::initializer_list<const char*> words);

}  // namespace gibbslab
