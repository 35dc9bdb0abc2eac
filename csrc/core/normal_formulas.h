// Box and Muller (1958) from two 32-bit words, in float64: the same formulas for one number on
// every device and for vectors of them.
#pragma once

#include <cmath>
#include <cstdint>

#include "csrc/core/macros.h"

namespace gibbslab {

// What a number in float64, or a vector of them, has beside arithmetic.
template <class F>
struct Wide;

template <>
struct Wide<double> {
  using Whole = int64_t;
  GIBBSLAB_HD_MEMBER double real(int64_t x) { return static_cast<double>(x); }
  GIBBSLAB_HD_MEMBER double square_root(double x) { return sqrt(x); }
};

// log((word + 1/2) 2^-32), by 2 atanh((m - 1) / (m + 1)) for m in [sqrt(1/2), sqrt(2)): within 2
// ulp.
template <class F>
GIBBSLAB_HD F log_of_word(typename Wide<F>::Whole word) {
  using Whole = typename Wide<F>::Whole;
  constexpr int64_t kHalfRoot = 0x3FE6A09E667F3BCD;  // the bits of sqrt(1/2)
  const F u = (Wide<F>::real(word) + 0.5) * 0x1p-32;
  Whole bits;
  __builtin_memcpy(&bits, &u, sizeof(u));
  const Whole exponent = (bits - kHalfRoot) >> 52;
  bits -= exponent << 52;
  F m;
  __builtin_memcpy(&m, &bits, sizeof(m));
  const F s = (m - 1.0) / (m + 1.0), z = s * s;
  F sum = F{} + 1.0 / 21;
  for (int k = 19; k >= 1; k -= 2) sum = sum * z + 1.0 / k;
  return Wide<F>::real(exponent) * 0.693147180559945309417 + 2.0 * s * sum;
}

// cos(2 pi word 2^-32): the quarter of the turn is taken off in whole numbers, Taylor's series do
// the rest.
template <class F>
GIBBSLAB_HD F cos_of_word(typename Wide<F>::Whole word) {
  using Whole = typename Wide<F>::Whole;
  constexpr double kAngle = 6.283185307179586476925 * 0x1p-32;
  const Whole quarter = (word + (int64_t{1} << 29)) >> 30;
  const F x = Wide<F>::real(word - (quarter << 30)) * kAngle, z = x * x;
  F even = F{} + 1.0, odd = F{} + 1.0;
  for (int k = 16; k >= 2; k -= 2) {
    even = 1.0 - even * z * (1.0 / (k * (k - 1)));
    odd = 1.0 - odd * z * (1.0 / (k * (k + 1)));
  }
  odd *= x;
  const F value = (quarter & 1) != 0 ? odd : even;
  return ((quarter + 1) & 2) != 0 ? -value : value;
}

template <class F>
GIBBSLAB_HD F normal_of_words(typename Wide<F>::Whole first, typename Wide<F>::Whole second) {
  return Wide<F>::square_root(-2.0 * log_of_word<F>(first)) * cos_of_word<F>(second);
}

}  // namespace gibbslab
