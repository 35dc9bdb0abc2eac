// The tile of the CD statistics and of their update on bf16 tensor cores (cd_bf16.cu).
#pragma once

#include "kernels/cd_epilogue.cuh"
#include "kernels/gibbs_bf16.cuh"

namespace gibbslab::cuda {

// What one lane needs of a step: 32 visible units of its four batch rows, and its hidden values.
struct CdInput {
  uint32_t words[4];
  Block4<4> h;
};

__device__ __forceinline__ CdInput load_step(const CdProduct& product, int64_t steps0, int64_t step,
                                             int64_t row, int64_t col) {
  const bool first = step < steps0;
  const Operand &v = first ? product.v0 : product.v1, &h = first ? product.h0 : product.h1;
  const float weight = first ? product.weight0 : product.weight1;
  const int64_t depth = (first ? step : step - steps0) * kBf16Depth;
  CdInput in;
  in.h = load_across<4, true>(h, depth, col);
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const int64_t batch_row = depth + 4 * fragment_lane().t + i;
    in.words[i] = batch_row < v.rows ? bits32(v, batch_row, row / 32) : 0u;
#pragma unroll
    for (int j = 0; j < 4; ++j) in.h.values[i][j] *= weight;
  }
  return in;
}

// Bit `unit` of each of the four words.
__device__ __forceinline__ uint32_t column(const uint32_t (&words)[4], int unit) {
  return (words[0] >> unit & 1u) | (words[1] >> unit & 1u) << 1 | (words[2] >> unit & 1u) << 2 |
         (words[3] >> unit & 1u) << 3;
}

template <int kPlanes>
__device__ __forceinline__ void multiply(const CdInput& in, Bf16Sums<2>& sum) {
  const int g = fragment_lane().g;
  uint32_t states[2][4];
#pragma unroll
  for (int m = 0; m < 2; ++m)
    state_fragment(column(in.words, 16 * m + g), column(in.words, 16 * m + g + 8), states[m]);
  multiply_step<2, kPlanes>(states, in.h, sum);
}

// The 32 visible x 32 hidden units from (row, col) on. `memory` holds kWarps x 32 x kPitch floats.
template <int kPlanes, bool kUpdate>
__device__ __forceinline__ void cd_bf16_tile(const CdProduct& product, const CdOutput& out,
                                             int64_t row, int64_t col, float* memory) {
  const int64_t steps0 = (product.v0.rows + kBf16Depth - 1) / kBf16Depth,
                steps = steps0 + (product.v1.rows + kBf16Depth - 1) / kBf16Depth;
  Bf16Sums<2> sum = {};
  for_own_steps(
      steps, [&](int64_t step) { return load_step(product, steps0, step, row, col); },
      [&](const CdInput& in) { multiply<kPlanes>(in, sum); });
  const float4 total = add_warps<float4>(memory, sum.values[0], sum.values[1]);
  finish_tile<kUpdate>(out, memory, row, col, times(total, product.scale));
}

}  // namespace gibbslab::cuda
