// Sums over warps and blocks in an order that is fixed by the number of threads in a block, which
// is a constant of each kernel: a result never depends on the grid or on what else runs.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "csrc/core/faults.h"

namespace gibbslab::cuda {

constexpr unsigned kAllLanes = 0xFFFFFFFFu;

// The same sum in every lane.
__device__ inline double warp_sum(double x) {
  for (int step = 16; step > 0; step /= 2) x += __shfl_xor_sync(kAllLanes, x, step);
  return x;
}
__device__ inline double warp_max(double x) {
  for (int step = 16; step > 0; step /= 2) x = fmax(x, __shfl_xor_sync(kAllLanes, x, step));
  return x;
}

// One value of each warp, in the order of the warps.
template <int kThreads, class Combine>
__device__ double across_warps(double x, Combine combine) {
  __shared__ double of_warp[kThreads / 32];
  __syncthreads();  // of_warp may still be read from the last call
  if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = x;
  if (!fault("kernel_missing_barrier")) __syncthreads();
  double total = of_warp[0];
  for (int w = 1; w < kThreads / 32; ++w) total = combine(total, of_warp[w]);
  return total;
}

// The same sum, or largest value, in every thread of a block of kThreads x 1.
template <int kThreads>
__device__ double block_sum(double x) {
  return across_warps<kThreads>(warp_sum(x), [](double a, double b) { return a + b; });
}
template <int kThreads>
__device__ double block_max(double x) {
  return across_warps<kThreads>(warp_max(x), [](double a, double b) { return fmax(a, b); });
}

// A block of 32 columns by kRowGroups threads each: thread (x, y) brings its share of column x, and
// every thread gets the sum of its column, the shares added from y = 0 on.
constexpr int kRowGroups = 16;
template <class T>
__device__ T column_sum(T share) {
  __shared__ T shares[kRowGroups][32];
  shares[threadIdx.y][threadIdx.x] = share;
  if (!fault("kernel_missing_barrier")) __syncthreads();
  T total = 0;
  for (int y = 0; y < kRowGroups; ++y) total += shares[y][threadIdx.x];
  return total;
}

}  // namespace gibbslab::cuda
