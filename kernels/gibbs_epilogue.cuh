// What follows the product in a Gibbs half-step, in the registers that hold its sums:
//   pre = scale sum + bias + added;  mean = sigmoid(pre);  sample = u < mean.
//
// A block of 256 threads owns a tile of 32 rows x 32 units: a thread has four neighbouring units of
// a row, which is one Philox counter, and eight lanes in a row pack its 32 bits by shuffles.
#pragma once

#include "kernels/draws.cuh"
#include "kernels/gibbs_operand.cuh"

namespace gibbslab::cuda {

constexpr int kTile = 32;       // rows and columns of a block's tile
constexpr int kThreads = 256;   // of a block
constexpr uint32_t kAll = ~0u;  // every lane of a warp

// Where a half-step's results go; null outputs are not made. All (rows, cols).
struct HalfStepOutput {
  const float* bias = nullptr;  // (1, cols), or null
  float scale = 1.0f;
  Draw draw;
  int64_t rows = 0, cols = 0;
  float* pre = nullptr;
  float* mean = nullptr;
  uint64_t* sample = nullptr;
  int64_t pre_stride = 0, mean_stride = 0, words = 0;
  const float* added = nullptr;  // (rows, cols), or null
  int64_t added_stride = 0;
};

__device__ __forceinline__ float probability(float pre) {
  const float p = sigmoid<float>(pre);
  return fault("sigmoid_off") ? p + 1e-3f : p;
}

__device__ __forceinline__ float4 probabilities(float4 pre) {
  return make_float4(probability(pre.x), probability(pre.y), probability(pre.z),
                     probability(pre.w));
}

// The bits of four units, column col first; zero beyond the last column.
__device__ __forceinline__ uint32_t draw_quad(const HalfStepOutput& out, int64_t row, int64_t col,
                                              float4 p) {
  if (fault("neighbours_share_stream")) row = (out.draw.first_row + row) / 2 - out.draw.first_row;
  const uint64_t counter = row_counter(out.draw, row, out.cols) + static_cast<uint64_t>(col / 4);
  const float4 u = uniforms_at(counter, out.draw);
  const uint32_t bits = uint32_t{fires(u.x, p.x)} | uint32_t{fires(u.y, p.y)} << 1 |
                        uint32_t{fires(u.z, p.z)} << 2 | uint32_t{fires(u.w, p.w)} << 3;
  const int64_t left = out.cols - col;
  if (left >= 4 || fault("kernel_wrong_mask")) return bits;
  return left > 0 ? bits & ((1u << left) - 1) : 0u;
}

// The bits of eight neighbouring lanes, four each, as one word in all of them.
__device__ __forceinline__ uint32_t pack_row(uint32_t bits, int lane) {
  bits <<= 4 * (lane % 8);
  bits |= __shfl_xor_sync(kAll, bits, 1);
  bits |= __shfl_xor_sync(kAll, bits, 2);
  return bits | __shfl_xor_sync(kAll, bits, 4);
}

// Every thread of the block calls this with the four sums at (row, col), col = tile + 4 (lane % 8),
// whether they lie inside the result or not.
__device__ __forceinline__ void finish_quad(const HalfStepOutput& out, int64_t row, int64_t col,
                                            float4 pre) {
  const int lane = threadIdx.x % 32;
  const bool inside = row < out.rows;
  if (out.added != nullptr && !fault("added_input_left_out")) {
    const Operand added{out.added, nullptr, out.added_stride, out.rows, out.cols};
    pre = fused(dense_quad(added, row, col), 1.0f, pre);
  }
  if (out.pre != nullptr && inside) store_quad(out.pre, out.pre_stride, out.cols, row, col, pre);
  if (out.mean == nullptr && out.sample == nullptr) return;
  const float4 p = probabilities(pre);
  if (out.mean != nullptr && inside) store_quad(out.mean, out.mean_stride, out.cols, row, col, p);
  if (out.sample == nullptr) return;
  const uint32_t word = pack_row(draw_quad(out, row, col, p), lane);
  if (inside && lane % 8 == 0)
    reinterpret_cast<uint32_t*>(out.sample + row * out.words)[col / 32] = word;
}

// scale sum + bias.
__device__ __forceinline__ float4 pre_activation(const HalfStepOutput& out, int64_t col,
                                                 float4 sum) {
  const Operand bias{out.bias, nullptr, 0, out.bias != nullptr ? 1 : 0, out.cols};
  const float4 b = dense_quad(bias, 0, col);
  return fused(sum, out.scale, b);
}

}  // namespace gibbslab::cuda
