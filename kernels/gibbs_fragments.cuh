// A tile of 32 columns of X W on tensor cores, for 0/1 states X: mma.sync fragments straight from
// global memory, without shared memory or barriers.
//
// A warp multiplies 16 depths at a time (32 in int8). The order of the depths within such a step is
// free as long as both factors agree, and so is that of the columns. With lane = 4 g + t, here
//   - lane (g, t) holds the depths 4 t ... 4 t + 3 of the step: four neighbouring bits of a row;
//   - column n of the j-th of the four tiles of 8 columns is unit 4 n + j: the four values that a
//     lane needs at one depth are neighbours in a row of W, and its results are eight neighbouring
//     units, 8 t ... 8 t + 7, of the rows g and g + 8 of each tile of 16 rows.
// The 8 warps of a block take the steps in turn; their sums are added at the end, warp 0 first. So
// every result is the same sum whatever the grid and the height of the block's tile.
#pragma once

#include "kernels/gibbs_epilogue.cuh"

namespace gibbslab::cuda {

constexpr int kWarps = kThreads / 32;
constexpr int kPitch = kTile + 4;  // spreads the lanes' groups of four over all banks

struct Lane4x8 {
  int g, t;
};
__device__ __forceinline__ Lane4x8 fragment_lane() {
  return {static_cast<int>(threadIdx.x % 32 / 4), static_cast<int>(threadIdx.x % 4)};
}

// values[i][j]: depth i of the lane's, tile j of columns.
template <int kDepths>
struct Block4 {
  float values[kDepths][4];
};

// The lane's values of M (depth x column) at depths depth + kDepths t + i, columns col + 4 g + j.
template <int kDepths, bool kMayBeBits>
__device__ __forceinline__ Block4<kDepths> load_across(const Operand& m, int64_t depth,
                                                       int64_t col) {
  const Lane4x8 lane = fragment_lane();
  Block4<kDepths> out;
#pragma unroll
  for (int i = 0; i < kDepths; ++i) {
    const int64_t row = depth + kDepths * lane.t + i, c = col + 4 * lane.g;
    const float4 q = kMayBeBits ? quad(m, row, c) : dense_quad(m, row, c);
    out.values[i][0] = q.x;
    out.values[i][1] = q.y;
    out.values[i][2] = q.z;
    out.values[i][3] = q.w;
  }
  return out;
}

// The same of floats stored as (column x depth).
template <int kDepths>
__device__ __forceinline__ Block4<kDepths> load_along(const Operand& m, int64_t depth,
                                                      int64_t col) {
  const Lane4x8 lane = fragment_lane();
  Block4<kDepths> out;
#pragma unroll
  for (int j = 0; j < 4; ++j)
#pragma unroll
    for (int i = 0; i < kDepths; i += 4) {
      const float4 q = dense_quad(m, col + 4 * lane.g + j, depth + kDepths * lane.t + i);
      out.values[i][j] = q.x;
      out.values[i + 1][j] = q.y;
      out.values[i + 2][j] = q.z;
      out.values[i + 3][j] = q.w;
    }
  return out;
}

template <bool kTransposed, int kDepths>
__device__ __forceinline__ Block4<kDepths> load_weights(const Operand& w, int64_t depth,
                                                        int64_t col) {
  return kTransposed ? load_along<kDepths>(w, depth, col)
                     : load_across<kDepths, false>(w, depth, col);
}

template <class Vector, class T>
__device__ __forceinline__ Vector four(const T (&sums)[4][4], int i) {
  return {sums[0][i], sums[1][i], sums[2][i], sums[3][i]};
}

// The sum over the warps of a tile of 32 x 32, of which every warp has two tiles of 16 rows: row
// threadIdx.x / 8, columns 4 (threadIdx.x % 8) on. `memory` holds kWarps x 32 x kPitch values.
template <class Vector, class T>
__device__ __forceinline__ Vector add_warps(T* memory, const T (&low)[4][4],
                                            const T (&high)[4][4]) {
  const Lane4x8 lane = fragment_lane();
  T* mine = memory + (threadIdx.x / 32 * kTile + lane.g) * kPitch + 8 * lane.t;
#pragma unroll
  for (int i = 0; i < 4; ++i) {  // columns 8 t + 4 (i % 2) on of row g + 8 (i / 2)
    T* at = mine + i / 2 * 8 * kPitch + i % 2 * 4;
    *reinterpret_cast<Vector*>(at) = four<Vector>(low, i);
    *reinterpret_cast<Vector*>(at + 16 * kPitch) = four<Vector>(high, i);
  }
  if (!fault("kernel_missing_barrier")) __syncthreads();
  const T* from = memory + threadIdx.x / 8 * kPitch + 4 * (threadIdx.x % 8);
  Vector total = *reinterpret_cast<const Vector*>(from);
#pragma unroll
  for (int w = 1; w < kWarps; ++w) {
    const Vector x = *reinterpret_cast<const Vector*>(from + w * kTile * kPitch);
    total = {total.x + x.x, total.y + x.y, total.z + x.z, total.w + x.w};
  }
  return total;
}

}  // namespace gibbslab::cuda
