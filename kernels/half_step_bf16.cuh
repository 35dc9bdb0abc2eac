// The tile of a Gibbs half-step of packed 0/1 states on bf16 tensor cores (gibbs_bf16.cu).
#pragma once

#include "kernels/gibbs_bf16.cuh"

namespace gibbslab::cuda {

// Where the row 8 i + g of the lane's begins; null beyond the last. What an order names is looked
// up once, what a sum gives anew every time: registers are short.
template <int kTiles, class Rows>
struct LaneRows {
  const uint64_t* words[2 * kTiles];
  __device__ __forceinline__ LaneRows(const Operand& x, const Rows& rows, int64_t row) {
#pragma unroll
    for (int i = 0; i < 2 * kTiles; ++i) {
      const int64_t r = row + 8 * i + fragment_lane().g;
      words[i] = r < x.rows ? x.bits + rows(r) * x.stride : nullptr;
    }
  }
  __device__ __forceinline__ const uint64_t* operator[](int i) const { return words[i]; }
};
template <int kTiles>
struct LaneRows<kTiles, SameRows> {
  const Operand& x;
  int64_t row;
  __device__ __forceinline__ LaneRows(const Operand& states, SameRows, int64_t first)
      : x(states), row(first) {}
  __device__ __forceinline__ const uint64_t* operator[](int i) const {
    const int64_t r = row + 8 * i + fragment_lane().g;
    return r < x.rows ? x.bits + r * x.stride : nullptr;
  }
};

// What one lane needs of a step: sixteen bits of each of its rows, and its weights.
template <int kTiles>
struct HalfStepInput {
  uint32_t pieces[kTiles][2];
  Block4<4> w;
};

template <int kTiles, bool kTransposed, class Rows>
__device__ __forceinline__ HalfStepInput<kTiles> load_step(const LaneRows<kTiles, Rows>& rows,
                                                           const Operand& w, int64_t unit,
                                                           int64_t step) {
  HalfStepInput<kTiles> in;
#pragma unroll
  for (int i = 0; i < 2 * kTiles; ++i) {
    const uint16_t* pieces = reinterpret_cast<const uint16_t*>(rows[i]);
    in.pieces[i / 2][i % 2] = pieces != nullptr ? pieces[step] : uint16_t{0};
  }
  in.w = load_weights<kTransposed, 4>(w, step * kBf16Depth, unit);
  return in;
}

template <int kTiles, int kPlanes>
__device__ __forceinline__ void multiply(const HalfStepInput<kTiles>& in, Bf16Sums<kTiles>& sum) {
  const int shift = 4 * fragment_lane().t;
  uint32_t states[kTiles][4];
#pragma unroll
  for (int m = 0; m < kTiles; ++m)
    state_fragment(in.pieces[m][0] >> shift, in.pieces[m][1] >> shift, states[m]);
  multiply_step<kTiles, kPlanes>(states, in.w, sum);
}

// The half-step of the 16 kTiles rows from `row` on and of 32 units. The next step's weights are on
// their way during a step. `memory` holds kWarps x 32 x kPitch floats.
template <int kTiles, int kPlanes, bool kTransposed, class Rows>
__device__ __forceinline__ void half_step_bf16_tile(const Operand& x, const Rows& rows,
                                                    const Operand& w, const HalfStepOutput& out,
                                                    int64_t row, int64_t unit, float* memory) {
  const int64_t steps = (x.cols + kBf16Depth - 1) / kBf16Depth;
  const LaneRows<kTiles, Rows> lane_rows(x, rows, row);
  Bf16Sums<kTiles> sum = {};
  for_own_steps(
      steps, [&](int64_t step) { return load_step<kTiles, kTransposed>(lane_rows, w, unit, step); },
      [&](const HalfStepInput<kTiles>& in) { multiply<kTiles, kPlanes>(in, sum); });
  const int64_t r = row + threadIdx.x / 8, c = unit + 4 * (threadIdx.x % 8);
#pragma unroll
  for (int m = 0; m < kTiles; m += 2) {
    if (m > 0) __syncthreads();
    const float4 total = add_warps<float4>(memory, sum.values[m], sum.values[m + 1]);
    finish_quad(out, r + 16 * m, c, pre_activation(out, c, total));
  }
}

}  // namespace gibbslab::cuda
