// Weights in fixed point: whole multiples q of one power of two, whose sums are exact in any order.
//
// The power, `step`, is the least with |q| <= 8355711 = 127 (2^16 + 2^8 + 1) for every weight, so
// that q = 2^16 a + 2^8 b + c with a, b, c in [-128, 127]: three planes of int8. Rounding moves a
// weight by at most 1.2e-7 of the largest.
#pragma once

#include <cstdint>

#include "csrc/core/float_bits.h"

namespace gibbslab {

constexpr float kLargestWhole = 8355711.0f;

GIBBSLAB_HD float power_of_two(int n) {
  return float_from_bits(static_cast<uint32_t>(n + 127) << 23);
}

// The exponent of `step`, from the bits of the largest magnitude.
GIBBSLAB_HD int step_exponent(uint32_t largest) {
  const int whole = static_cast<int>(largest >> 23) - 127;
  const int exponent = (whole > -100 ? whole : -100) - 22;
  return float_from_bits(largest) > kLargestWhole * power_of_two(exponent) ? exponent + 1
                                                                           : exponent;
}

// A sum of q as float32, rounded once. `spoiled` is 0, or NaN where a weight is not finite.
GIBBSLAB_HD float sum_of_steps(int64_t sum, int exponent, float spoiled) {
  return static_cast<float>(static_cast<double>(sum) *
                            static_cast<double>(power_of_two(exponent))) +
         spoiled;
}

}  // namespace gibbslab
