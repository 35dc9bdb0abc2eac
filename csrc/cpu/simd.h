// Sixteen lanes everywhere: the compiler lowers them to what the instruction set has. Only what
// vector extensions cannot say is written as intrinsics, here.
#pragma once

#include <cstdint>

#include "csrc/core/formulas.h"
#include "csrc/core/normal_formulas.h"
#include "csrc/core/tensor.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace gibbslab {

typedef float f32x16 __attribute__((vector_size(64)));
typedef int32_t i32x16 __attribute__((vector_size(64)));
typedef uint32_t u32x16 __attribute__((vector_size(64)));
typedef uint64_t u64x8 __attribute__((vector_size(64)));
typedef int64_t i64x8 __attribute__((vector_size(64)));
typedef double f64x8 __attribute__((vector_size(64)));
typedef float f32x8 __attribute__((vector_size(32)));

// A cast between vectors of one size keeps the bits.
template <>
struct Lane<f32x16> {
  GIBBSLAB_HD_MEMBER f32x16 select(i32x16 mask, f32x16 a, f32x16 b) { return mask ? a : b; }
  GIBBSLAB_HD_MEMBER f32x16 negative_magnitude(f32x16 x) {
    return (f32x16)((i32x16)x | static_cast<int32_t>(0x80000000));
  }
  // Rounded once wherever the instruction set has fused products: compiled with contraction.
  GIBBSLAB_HD_MEMBER f32x16 multiply_add(f32x16 a, f32x16 b, f32x16 c) { return a * b + c; }
  GIBBSLAB_HD_MEMBER f32x16 log(f32x16 x) { return each(x, Lane<float>::log); }
  template <class Scalar>
  GIBBSLAB_HD_MEMBER f32x16 each(f32x16 x, const Scalar& f) {
    for (int i = 0; i < 16; ++i) x[i] = f(x[i]);
    return x;
  }
#if defined(__AVX512F__)
  GIBBSLAB_HD_MEMBER f32x16 larger(f32x16 a, f32x16 b) {
    return (f32x16)_mm512_max_ps((__m512)a, (__m512)b);
  }
  GIBBSLAB_HD_MEMBER f32x16 square_root(f32x16 x) { return (f32x16)_mm512_sqrt_ps((__m512)x); }
  // By estimates to 14 bits, and a step of Newton's each.
  GIBBSLAB_HD_MEMBER f32x16 root(f32x16 x) {
    const f32x16 above = (f32x16)_mm512_max_ps((__m512)x, _mm512_set1_ps(1e-37f));
    const f32x16 r = (f32x16)_mm512_rsqrt14_ps((__m512)above), y = x * r;
    return y + y * (0.5f - 0.5f * y * r);
  }
  GIBBSLAB_HD_MEMBER f32x16 quotient(f32x16 a, f32x16 b) {
    const f32x16 r = (f32x16)_mm512_rcp14_ps((__m512)b), y = a * r;
    return y + r * (a - y * b);
  }
  GIBBSLAB_HD_MEMBER f32x16 times_power_of_two(f32x16 x, f32x16 n) {
    return (f32x16)_mm512_scalef_ps((__m512)x, (__m512)n);
  }
#else
  GIBBSLAB_HD_MEMBER f32x16 larger(f32x16 a, f32x16 b) { return a > b ? a : b; }
  GIBBSLAB_HD_MEMBER f32x16 square_root(f32x16 x) { return each(x, Lane<float>::square_root); }
  GIBBSLAB_HD_MEMBER f32x16 root(f32x16 x) { return square_root(x); }
  GIBBSLAB_HD_MEMBER f32x16 quotient(f32x16 a, f32x16 b) { return a / b; }
  GIBBSLAB_HD_MEMBER f32x16 times_power_of_two(f32x16 x, f32x16 n) {
    const i32x16 whole = __builtin_convertvector(n, i32x16), half = whole >> 1;
    return x * (f32x16)((half + 127) << 23) * (f32x16)((whole - half + 127) << 23);
  }
#endif
};

template <>
struct Wide<f64x8> {
  using Whole = i64x8;
  GIBBSLAB_HD_MEMBER f64x8 real(i64x8 x) { return __builtin_convertvector(x, f64x8); }
#if defined(__AVX512F__)
  GIBBSLAB_HD_MEMBER f64x8 square_root(f64x8 x) { return (f64x8)_mm512_sqrt_pd((__m512d)x); }
#else
  GIBBSLAB_HD_MEMBER f64x8 square_root(f64x8 x) {
    for (int i = 0; i < 8; ++i) x[i] = __builtin_sqrt(x[i]);
    return x;
  }
#endif
};

// Rows are 64-byte aligned; memcpy is how a vector may read floats without breaking aliasing.
GIBBSLAB_HD f32x16 load(const float* p) {
  f32x16 v;
  __builtin_memcpy(&v, __builtin_assume_aligned(p, 64), sizeof(v));
  return v;
}
GIBBSLAB_HD void store(float* p, f32x16 v) {
  __builtin_memcpy(__builtin_assume_aligned(p, 64), &v, sizeof(v));
}
// Eight floats, and half of sixteen, in float64.
GIBBSLAB_HD f64x8 widen(const float* p) {
  f32x8 v;
  __builtin_memcpy(&v, p, sizeof(v));
  return __builtin_convertvector(v, f64x8);
}
GIBBSLAB_HD f64x8 widen_half(f32x16 v, int half) {
  return widen(reinterpret_cast<const float*>(&v) + 8 * half);
}

GIBBSLAB_HD f32x16 broadcast(float x) { return f32x16{} + x; }

// Bit i is set where a[i] < b[i].
GIBBSLAB_HD uint32_t less_mask(f32x16 a, f32x16 b) {
#if defined(__AVX512F__)
  return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_LT_OQ);
#elif defined(__AVX2__)
  const __m256* x = reinterpret_cast<const __m256*>(&a);
  const __m256* y = reinterpret_cast<const __m256*>(&b);
  return static_cast<uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(x[0], y[0], _CMP_LT_OQ))) |
         static_cast<uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(x[1], y[1], _CMP_LT_OQ))) << 8;
#elif defined(__SSE2__)
  const __m128* x = reinterpret_cast<const __m128*>(&a);
  const __m128* y = reinterpret_cast<const __m128*>(&b);
  uint32_t mask = 0;
  for (int i = 0; i < 4; ++i)
    mask |= static_cast<uint32_t>(_mm_movemask_ps(_mm_cmplt_ps(x[i], y[i]))) << (4 * i);
  return mask;
#else
  uint32_t mask = 0;
  for (int i = 0; i < 16; ++i) mask |= static_cast<uint32_t>(a[i] < b[i]) << i;
  return mask;
#endif
}

// The 64-bit products of the low halves of the eight 64-bit lanes.
GIBBSLAB_HD u64x8 multiply_low_halves(u64x8 a, uint32_t m) {
#if defined(__AVX512F__)
  return (u64x8)_mm512_mul_epu32((__m512i)a, _mm512_set1_epi64(m));
#elif defined(__AVX2__)
  u64x8 out;
  const __m256i* x = reinterpret_cast<const __m256i*>(&a);
  __m256i* y = reinterpret_cast<__m256i*>(&out);
  for (int i = 0; i < 2; ++i) y[i] = _mm256_mul_epu32(x[i], _mm256_set1_epi64x(m));
  return out;
#else
  return (a & 0xFFFFFFFFull) * static_cast<uint64_t>(m);
#endif
}

// Lanes a0 b0 a1 b1 ... of two vectors, as the first and the second half of the sequence.
GIBBSLAB_HD void interleave(u64x8 a, u64x8 b, u64x8& first, u64x8& second) {
#if defined(__AVX512F__)
  const __m512i low = _mm512_set_epi64(11, 3, 10, 2, 9, 1, 8, 0);
  const __m512i high = _mm512_set_epi64(15, 7, 14, 6, 13, 5, 12, 4);
  first = (u64x8)_mm512_permutex2var_epi64((__m512i)a, low, (__m512i)b);
  second = (u64x8)_mm512_permutex2var_epi64((__m512i)a, high, (__m512i)b);
#else
  for (int i = 0; i < 4; ++i) {
    first[2 * i] = a[i];
    first[2 * i + 1] = b[i];
    second[2 * i] = a[4 + i];
    second[2 * i + 1] = b[4 + i];
  }
#endif
}

}  // namespace gibbslab
