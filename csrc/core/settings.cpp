#include "csrc/core/settings.h"

#include <cstdlib>

#include "csrc/core/error.h"

namespace gibbslab {

std::string setting(const char* variable) {
  const char* text = std::getenv(variable);
  return text != nullptr ? text : "";
}

std::string setting(const char* part, const char* variable,
                    std::initializer_list<const char*> words) {
  const std::string got = setting(variable);
  std::string all;
  for (const char* const* word = words.begin(); word != words.end(); ++word) {
    if (got.empty() || got == *word) return got;
    if (word != words.begin()) all += word + 1 == words.end() ? " or " : ", ";
    all += *word;
  }
  throw DeviceError(std::string("[") + part + "] " + variable + " must be " + all + ", got '" +
                    got + "'");
}

}  // namespace gibbslab
