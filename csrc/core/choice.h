// Random choices that the host makes of float64 probabilities.
#pragma once

#include <cstdint>

#include "csrc/core/philox.h"

namespace gibbslab {

// A uniform in [0, 1) of 53 bits: probabilities may be far below the 2^-24 of a float's.
inline double fine_uniform(uint64_t counter, const Draw& draw) {
  const PhiloxWords words = philox(counter, draw.stream, draw.seed);
  const uint64_t wide = (static_cast<uint64_t>(words.w[1]) << 32) | words.w[0];
  return static_cast<double>(wide >> 11) * 0x1p-53;
}

}  // namespace gibbslab
