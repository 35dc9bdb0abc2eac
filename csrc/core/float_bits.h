#pragma once

#include <cstdint>
#include <cstring>

#include "csrc/core/macros.h"

namespace gibbslab {

// The float32 of these bits.
GIBBSLAB_HD float float_from_bits(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof(x));
  return x;
}

}  // namespace gibbslab
