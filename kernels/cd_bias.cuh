// The update of 32 biases by a block of 256 threads, from the states of their units.
//
// A thread has the rows r, r + 8 modulo 16 of one unit, whose float64 sums are added in order.
#pragma once

#include "kernels/cd_epilogue.cuh"
#include "kernels/gibbs_fragments.cuh"
#include "kernels/reduction.cuh"

namespace gibbslab::cuda {

// One vector of biases: what it is, and what it becomes.
struct CdBias {
  const float *value, *velocity;
  float *new_value, *new_velocity;
};

// The rows `group`, group + 16, ... of one column.
__device__ inline double column_share(const Operand& x, int64_t col, int group) {
  double sum = 0;
  for (int64_t r = group; r < x.rows; r += kRowGroups)
    sum += x.bits != nullptr ? x.bits[r * x.stride + col / 64] >> (col % 64) & 1
                             : x.dense[r * x.stride + col];
  return sum;
}

// The sums of 32 columns, in the threads of the first warp; `shares` holds 16 x 32.
__device__ inline double column_total(const Operand& x, int64_t col, double* shares) {
  const int lane = threadIdx.x % 32, group = threadIdx.x / 32;
  for (int g = group; g < kRowGroups; g += kWarps)
    shares[32 * g + lane] = col < x.cols ? column_share(x, col, g) : 0.0;
  if (!fault("kernel_bias_without_barrier")) __syncthreads();
  double total = 0;
  const int groups = kRowGroups - (fault("kernel_last_row_group") ? 1 : 0);
  for (int g = 0; g < groups && group == 0; ++g) total += shares[32 * g + lane];
  __syncthreads();
  return total;
}

// New values of 32 biases from `col` on, by the states of their units.
__device__ inline void update_biases(const CdBias& bias, const CdOutput& out,
                                     const Operand& positive, const Operand& negative, int64_t col,
                                     int* trouble, double* shares) {
  col += threadIdx.x % 32;
  const float up = 1.0f / static_cast<float>(positive.rows),
              down = 1.0f / static_cast<float>(negative.rows);
  const double first = column_total(positive, col, shares),
               second = column_total(negative, col, shares);
  if (threadIdx.x >= 32 || col >= positive.cols) return;
  const float g = static_cast<float>(up * first) + static_cast<float>(-down * second);
  const float before = bias.velocity != nullptr ? bias.velocity[col] : 0.0f;
  const float velocity = __fmaf_rn(before, out.momentum, g);
  const float value = __fmaf_rn(velocity, out.learning_rate, bias.value[col]);
  bias.new_value[col] = value;
  if (bias.new_velocity != nullptr) bias.new_velocity[col] = velocity;
  if (!(value * 0.0f + velocity * 0.0f == 0.0f)) atomicExch(trouble, 1);
}

}  // namespace gibbslab::cuda
