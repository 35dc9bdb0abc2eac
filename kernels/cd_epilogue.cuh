// What follows the product in a CD step, in the registers that hold its sums: the gradient is
// stored, or applied to the weights at once (the formula of csrc/ops/optim.h).
//
// A block of 256 threads owns a tile of 32 x 32 weights; a thread has four neighbouring ones of a
// row. The transposed copy goes through shared memory, so that its rows are written whole too.
#pragma once

#include "kernels/gibbs_launch.cuh"

namespace gibbslab::cuda {

// g - row[i] columns[j] and its kind, for columns col ... col + 3; absent terms are null.
__device__ __forceinline__ void add_outer(const float* row, const float* columns, float sign,
                                          int64_t r, int64_t col, int64_t cols, float4& g) {
  if (columns == nullptr) return;
  const float4 c = dense_quad(Operand{columns, nullptr, 0, 1, cols}, 0, col);
  g = fused(c, sign * row[r], g);
}

__device__ __forceinline__ float sign_of(float x) {
  return x > 0.0f ? 1.0f : x < 0.0f ? -1.0f : 0.0f;
}

__device__ __forceinline__ float4 signs(float4 q) {
  return make_float4(sign_of(q.x), sign_of(q.y), sign_of(q.z), sign_of(q.w));
}

// x * 0 is 0 for a finite x and NaN otherwise.
__device__ __forceinline__ float trouble(float4 q) {
  return q.x * 0.0f + q.y * 0.0f + q.z * 0.0f + q.w * 0.0f;
}

// New values of columns col ... col + 3 of a row inside the matrix; returns the new weights.
__device__ __forceinline__ float4 update_quad(const CdOutput& out, int64_t row, int64_t col,
                                              float4 g) {
  add_outer(out.row_mean, out.shift, -1.0f, row, col, out.cols, g);
  add_outer(out.row_shift, out.mean, -1.0f, row, col, out.cols, g);
  add_outer(out.row_pressure, out.pressure, 1.0f, row, col, out.cols, g);
  const float4 w =
      dense_quad(Operand{out.weight, nullptr, out.stride, out.rows, out.cols}, row, col);
  const float4 v = dense_quad(
      Operand{out.velocity, nullptr, out.stride, out.velocity ? out.rows : 0, out.cols}, row, col);
  if (out.l2 != 0.0f) g = fused(w, -out.l2, g);
  if (out.l1 != 0.0f) g = fused(signs(w), -out.l1, g);
  const float4 velocity = fused(v, out.momentum, g), weight = fused(velocity, out.learning_rate, w);
  store_quad(out.new_weight, out.stride, out.cols, row, col, weight);
  if (out.new_velocity != nullptr)
    store_quad(out.new_velocity, out.stride, out.cols, row, col, velocity);
  if (!(trouble(weight) + trouble(velocity) == 0.0f)) atomicExch(out.trouble, 1);
  return weight;
}

// The tile's weights, thread t's at row t / 8 and columns 4 (t % 8) on, as rows of the transpose.
// `memory` holds 32 x 33 floats.
__device__ __forceinline__ void store_transposed(const CdOutput& out, float* memory, int64_t row,
                                                 int64_t col, float4 weight) {
  const int slow = threadIdx.x / 8, fast = 4 * (threadIdx.x % 8);
  __syncthreads();  // the memory was in use
  float* to = memory + slow * (kTile + 1) + fast;
  to[0] = weight.x;
  to[1] = weight.y;
  to[2] = weight.z;
  to[3] = weight.w;
  __syncthreads();
  if (col + slow >= out.cols) return;
  const float* from = memory + fast * (kTile + 1) + slow;
  const float4 q =
      make_float4(from[0], from[kTile + 1], from[2 * (kTile + 1)], from[3 * (kTile + 1)]);
  store_quad(out.new_transposed, out.transposed_stride, out.rows, col + slow, row + fast, q);
}

// Every thread of the block calls this with its four sums of the tile that starts at (row, col).
template <bool kUpdate>
__device__ __forceinline__ void finish_tile(const CdOutput& out, float* memory, int64_t row,
                                            int64_t col, float4 g) {
  const int64_t r = row + threadIdx.x / 8, c = col + 4 * (threadIdx.x % 8);
  const bool inside = r < out.rows;
  if (!kUpdate) {
    if (inside) store_quad(out.gradient, out.stride, out.cols, r, c, g);
    return;
  }
  float4 weight = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
  if (inside) weight = update_quad(out, r, c, g);
  if (out.new_transposed != nullptr) store_transposed(out, memory, row, col, weight);
}

}  // namespace gibbslab::cuda
