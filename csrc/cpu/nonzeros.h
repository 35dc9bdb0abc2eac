// Lists of what is not zero in a row; for the kernel files of one instruction set.
#pragma once

#include <limits>

#include "csrc/cpu/kernels_impl.h"
#include "csrc/cpu/simd.h"

namespace gibbslab::cpu::GIBBSLAB_ISA {
namespace {

// Appends what `mask` names of sixteen values, the first of element c, and their places in steps of
// `step`; returns how many. There is room for sixteen.
GIBBSLAB_HD uint32_t append(uint32_t mask, f32x16 value, int64_t c, int64_t step, uint32_t* at,
                            float* to) {
  const uint32_t stride = static_cast<uint32_t>(step), first = static_cast<uint32_t>(c) * stride;
#if defined(__AVX512F__)
  const u32x16 lane = u32x16{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const u32x16 offset = first + lane * stride;
  const __mmask16 named = static_cast<__mmask16>(mask);
  _mm512_storeu_si512(at, _mm512_maskz_compress_epi32(named, (__m512i)offset));
  _mm512_storeu_ps(to, _mm512_maskz_compress_ps(named, (__m512)value));
#else
  for (uint32_t left = mask; left != 0; left &= left - 1) {
    const int i = __builtin_ctz(left);
    *at++ = first + static_cast<uint32_t>(i) * stride;
    *to++ = value[i];
  }
#endif
  return static_cast<uint32_t>(__builtin_popcount(mask));
}

GIBBSLAB_HD uint32_t lanes_left(int64_t left) { return left < 16 ? (1u << left) - 1 : 0xFFFFu; }

// Bit i is set where x[i] is not zero, a number or not.
GIBBSLAB_HD uint32_t not_zero_mask(f32x16 x) {
  const f32x16 size = -Lane<f32x16>::negative_magnitude(x);
  return ~less_mask(size, broadcast(std::numeric_limits<float>::denorm_min()));
}

}  // namespace
}  // namespace gibbslab::cpu::GIBBSLAB_ISA
