// The formulas of the models, each written once: F is float on a device and in plain loops, a
// vector of floats in the CPU kernels, which brings its own Lane.
#pragma once

#include <cmath>
#include <cstdint>

#include "csrc/core/float_bits.h"

namespace gibbslab {

// What a formula needs to know of its number type.
template <class F>
struct Lane;

template <>
struct Lane<float> {
  GIBBSLAB_HD_MEMBER float select(bool condition, float a, float b) { return condition ? a : b; }
  // The second where either is NaN.
  GIBBSLAB_HD_MEMBER float larger(float a, float b) { return a > b ? a : b; }
  GIBBSLAB_HD_MEMBER float negative_magnitude(float x) { return x > 0.0f ? -x : x; }
  // a b + c, rounded once.
  GIBBSLAB_HD_MEMBER float multiply_add(float a, float b, float c) {
#if defined(__CUDA_ARCH__)
    return __fmaf_rn(a, b, c);
#else
    return __builtin_fmaf(a, b, c);
#endif
  }
  // x * 2^n, n a whole number in [-160, 0] or, with x, NaN; two factors reach the subnormals with
  // one rounding.
  GIBBSLAB_HD_MEMBER float times_power_of_two(float x, float n) {
    const int32_t whole = static_cast<int32_t>(larger(n, -160.0f)), half = whole >> 1;
    return x * as_float((half + 127) << 23) * as_float((whole - half + 127) << 23);
  }
  GIBBSLAB_HD_MEMBER float log(float x) { return ::logf(x); }
  GIBBSLAB_HD_MEMBER float square_root(float x) { return ::sqrtf(x); }
  // The same, and a / b, for where a last bit or two do not matter; x >= 0, b > 0.
  GIBBSLAB_HD_MEMBER float root(float x) { return ::sqrtf(x); }
  GIBBSLAB_HD_MEMBER float quotient(float a, float b) { return a / b; }
  GIBBSLAB_HD_MEMBER float as_float(int32_t bits) {
    return float_from_bits(static_cast<uint32_t>(bits));
  }
};

// exp(x) for x <= 0, within 2 ulp, down to the subnormals; 0 below -104, NaN of NaN.
// Range reduction x = n ln 2 + r, then Taylor to degree 6: |r| <= 0.347 leaves under 1.2e-7. Fused
// products are named, so that every device that has them finds the same bits.
template <class F>
GIBBSLAB_HD F exp_nonpositive(F x) {
  using L = Lane<F>;
  const F clamped = L::larger(F{} - 110.0f, x);  // exp(-110) is below every float
  const F round = F{} + 12582912.0f;             // 1.5 * 2^23 rounds to an integer
  const F n = L::multiply_add(clamped, F{} + 1.44269504f, round) - round;
  F r = L::multiply_add(n, F{} - 0.693359375f, clamped);
  r = L::multiply_add(n, F{} + 2.12194440e-4f, r);
  F p = L::multiply_add(r, F{} + 1.38888889e-3f, F{} + 8.33333333e-3f);
  p = L::multiply_add(p, r, F{} + 4.16666667e-2f);
  p = L::multiply_add(p, r, F{} + 1.66666667e-1f);
  p = L::multiply_add(p, r, F{} + 0.5f);
  p = L::multiply_add(p, r, F{} + 1.0f);
  p = L::multiply_add(p, r, F{} + 1.0f);
  return L::times_power_of_two(p, n);
}

// 1 / (1 + exp(-x)); exactly 0 at -1e4 and 1 at 1e4, at most 4 ulp from the true value, NaN of NaN:
// a parameter that is no number has to show.
template <class F>
GIBBSLAB_HD F sigmoid(F x) {
  const F e = exp_nonpositive<F>(Lane<F>::negative_magnitude(x));
  return Lane<F>::select(x > 0.0f, F{} + 1.0f, e) / (e + 1.0f);
}

// A uniform in [0, 1) from a random word: 24 bits, so every value is exact in float32.
GIBBSLAB_HD float uniform_from_word(uint32_t word) {
  return static_cast<float>(static_cast<int32_t>(word >> 8)) * 5.9604644775390625e-8f;
}

// Of a row's f and f' (csrc/ops/mean_field.h): |f|^2, |f'|^2, <f, f - f'>, |f - f'|^2, max |f|.
struct StepSums {
  double now = 0, before = 0, along = 0, apart = 0, largest = 0;

  GIBBSLAB_HD_MEMBER void add(StepSums& sums, const StepSums& more) {
    sums.now += more.now;
    sums.before += more.before;
    sums.along += more.along;
    sums.apart += more.apart;
    sums.largest = more.largest > sums.largest ? more.largest : sums.largest;
  }
};

// How much of G - G' an extrapolation takes away.
GIBBSLAB_HD double extrapolation(const StepSums& s) {
  // Smaller steps of probabilities are much the same as their rounding; a step that should be five
  // times as long is as far as two of them are trusted.
  constexpr double kLeastStep = 0x1p-17, kFurthest = 4.0;
  if (!(s.now <= s.before) || s.largest < kLeastStep || !(s.apart > 0.0)) return 0.0;
  const double t = s.along / s.apart;
  return t < -kFurthest ? -kFurthest : t > kFurthest ? kFurthest : t;
}

// Where the next step starts: G - t (G - G') within [0, 1].
template <class F>
GIBBSLAB_HD F extrapolated(F now, F last, float t) {
  using L = Lane<F>;
  const F above = L::larger(F{}, now - t * (now - last));
  return -L::larger(F{} - 1.0f, -above);
}

}  // namespace gibbslab
