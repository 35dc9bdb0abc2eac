#include "csrc/core/faults.h"

#ifdef GIBBSLAB_FAULTS
#include <cstdlib>
#include <cstring>

namespace gibbslab {

bool fault(const char* name) {
  static const char* planted = std::getenv("GIBBSLAB_FAULT");
  return planted != nullptr && std::strcmp(planted, name) == 0;
}

}  // namespace gibbslab
#endif
