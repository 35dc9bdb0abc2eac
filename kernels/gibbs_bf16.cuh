// Products of 0/1 states and float32 values by bf16 tensor cores, the values as two or three
// planes.
//
// 0 and 1 are bf16 numbers. A float32 is the sum of three: its 24 bits, eight at a time, cut off
// without rounding. Two planes are rounded instead, and leave an error of 2^-18 of the value. The
// products are exact, the sums float32.
#pragma once

#include "kernels/gibbs_fragments.cuh"
#include "kernels/leaf.cuh"

namespace gibbslab::cuda {

constexpr int kBf16Depth = 16;  // of one step

// The sums of a warp: [tile of 16 rows][tile of 8 columns][register].
template <int kTiles>
struct Bf16Sums {
  float values[kTiles][4][4];
};

// The bf16 numbers of two bits, bit 0 in the low half.
__device__ __forceinline__ uint32_t ones(uint32_t two) {
  return ((two | two << 15) & 0x00010001u) * 0x3F80u;
}

// The fragment of a tile of 16 rows: four bits of row g, and four of row g + 8.
__device__ __forceinline__ void state_fragment(uint32_t low, uint32_t high, uint32_t (&a)[4]) {
  const bool swapped = fault("kernel_swapped_fragment");
  a[0] = ones(low & 3u);
  a[swapped ? 2 : 1] = ones(high & 3u);
  a[swapped ? 1 : 2] = ones(low >> 2 & 3u);
  a[3] = ones(high >> 2 & 3u);
}

// The bits of a float whose upper half is its leading bf16 number.
template <int kPlanes>
__device__ __forceinline__ uint32_t leading(float x) {
  const uint32_t bits = __float_as_uint(x);
  return kPlanes == 3 ? bits : bits + 0x7FFFu + (bits >> 16 & 1u);
}

// Takes the next plane off two values; the first in the low half.
template <int kPlanes>
__device__ __forceinline__ uint32_t take_plane(float& x, float& y) {
  const uint32_t first = leading<kPlanes>(x), second = leading<kPlanes>(y);
  x -= __uint_as_float(first & 0xFFFF0000u);
  y -= __uint_as_float(second & 0xFFFF0000u);
  return __byte_perm(first, second, 0x7632);
}

// sum += states w, for one step of 16 depths.
template <int kTiles, int kPlanes>
__device__ __forceinline__ void multiply_step(const uint32_t (&states)[kTiles][4], Block4<4> w,
                                              Bf16Sums<kTiles>& sum) {
#pragma unroll
  for (int j = 0; j < 4; ++j)
#pragma unroll
    for (int plane = 0; plane < kPlanes; ++plane) {
      uint32_t b[2];
      b[0] = take_plane<kPlanes>(w.values[0][j], w.values[1][j]);
      b[1] = take_plane<kPlanes>(w.values[2][j], w.values[3][j]);
#pragma unroll
      for (int m = 0; m < kTiles; ++m) mma_bf16_16x8x16(sum.values[m][j], states[m], b);
    }
}

// The steps that fall to this warp when the block's warps take them in turn; the operands of its
// next step are on their way during a step.
template <class Load, class Multiply>
__device__ __forceinline__ void for_own_steps(int64_t steps, const Load& load,
                                              const Multiply& multiply) {
  int64_t step = threadIdx.x / 32;
  decltype(load(step)) now, next;
  if (step < steps) now = load(step);
  for (; step < steps; step += kWarps) {
    if (step + kWarps < steps) next = load(step + kWarps);
    multiply(now);
    now = next;
  }
}

// All steps by one warp: the warps' sums one after the other, added as add_warps() adds them.
// multiply(operands, sum) adds to a sum.
template <class Load, class Multiply>
__device__ __forceinline__ Bf16Sums<2> sum_in_one_warp(int64_t steps, const Load& load,
                                                       const Multiply& multiply) {
  Bf16Sums<2> total = {};
  auto next = load(0);
  for (int64_t turn = 0; turn < kWarps; ++turn) {
    Bf16Sums<2> sum = {};
    for (int64_t step = turn; step < steps; step += kWarps) {
      const auto now = next;
      const int64_t following = step + kWarps < steps ? step + kWarps : turn + 1;
      if (following < steps) next = load(following);
      multiply(now, sum);
    }
#pragma unroll
    for (int m = 0; m < 2; ++m)
#pragma unroll
      for (int i = 0; i < 16; ++i) total.values[m][i / 4][i % 4] += sum.values[m][i / 4][i % 4];
  }
  return total;
}

}  // namespace gibbslab::cuda
