// A 32 x 32 tile of a float32 product, C = A B, in plain fused multiply-adds.
//
// A block of 256 threads walks the depth in chunks of 32. A chunk of A lies in shared memory as
// [depth][row], one of B as [depth][column], both as 32 x 32 floats whose columns are swapped in
// groups of four by the depth (`at`), so that neither copying across nor reading rows meets a bank
// twice. Two warps share a quarter of each chunk, eight deep; a thread owns 4 x 4 results of that
// quarter. At the end the four quarters are added, always in the same order: a result depends on
// the depth alone, not on the grid.
#pragma once

#include "kernels/gibbs_epilogue.cuh"

namespace gibbslab::cuda {

constexpr int kTileFloats = kTile * kTile;
constexpr int kQuarters = 4;

// The chunk in use and the one being filled, of A and of B; the quarters' sums at the end.
struct alignas(16) TileMemory {
  float a[2][kTileFloats];
  float b[2][kTileFloats];
};
static_assert(sizeof(TileMemory) == kQuarters * kTileFloats * sizeof(float));

// What one thread brings of a chunk: four values of A and four of B.
struct Quads {
  float4 a, b;
};

__device__ __forceinline__ int at(int depth, int col) {
  return depth * kTile + (col ^ (depth & 28));
}

__device__ __forceinline__ void tile_barrier() {
  if (!fault("kernel_missing_barrier")) __syncthreads();
}

// Puts down the four values that thread `t` brought: those of depth t / 8 from column 4 (t % 8) on,
// or, kAlongDepth, those of column t / 8 from depth 4 (t % 8) on.
template <bool kAlongDepth>
__device__ __forceinline__ void put(float* tile, float4 q) {
  const int slow = threadIdx.x / 8, fast = 4 * (threadIdx.x % 8);
  if (kAlongDepth) {
    tile[at(fast, slow)] = q.x;
    tile[at(fast + 1, slow)] = q.y;
    tile[at(fast + 2, slow)] = q.z;
    tile[at(fast + 3, slow)] = q.w;
  } else {
    *reinterpret_cast<float4*>(tile + at(slow, fast)) = q;
  }
}

__device__ __forceinline__ void multiply_add(float (&sum)[4], float a, float4 b) {
  sum[0] += a * b.x;
  sum[1] += a * b.y;
  sum[2] += a * b.z;
  sum[3] += a * b.w;
}

// Adds this thread's quarter of a chunk to its 4 x 4 sums.
__device__ __forceinline__ void multiply_chunk(const float* a, const float* b, float (&sum)[4][4]) {
  const int quarter = threadIdx.x / 64, row = threadIdx.x % 64 / 8 * 4, col = threadIdx.x % 8 * 4;
#pragma unroll
  for (int i = 0; i < kTile / kQuarters; ++i) {
    const int depth = quarter * (kTile / kQuarters) + i;
    const float4 x = *reinterpret_cast<const float4*>(a + at(depth, row));
    const float4 y = *reinterpret_cast<const float4*>(b + at(depth, col));
    multiply_add(sum[0], x.x, y);
    multiply_add(sum[1], x.y, y);
    multiply_add(sum[2], x.z, y);
    multiply_add(sum[3], x.w, y);
  }
}

// The sum over the quarters at row t / 8, columns 4 (t % 8) on, of thread t.
__device__ __forceinline__ float4 add_quarters(TileMemory& memory, const float (&sum)[4][4]) {
  float* part = reinterpret_cast<float*>(&memory);
  const int quarter = threadIdx.x / 64, row = threadIdx.x % 64 / 8 * 4, col = threadIdx.x % 8 * 4;
#pragma unroll
  for (int i = 0; i < 4; ++i)
    *reinterpret_cast<float4*>(part + quarter * kTileFloats + (row + i) * kTile + col) =
        make_float4(sum[i][0], sum[i][1], sum[i][2], sum[i][3]);
  tile_barrier();
  float4 total = *reinterpret_cast<const float4*>(part + 4 * threadIdx.x);
#pragma unroll
  for (int q = 1; q < kQuarters; ++q) {
    const float4 x = *reinterpret_cast<const float4*>(part + q * kTileFloats + 4 * threadIdx.x);
    total = make_float4(total.x + x.x, total.y + x.y, total.z + x.z, total.w + x.w);
  }
  return total;
}

// The four results that this thread owns: row threadIdx.x / 8 of the tile, columns
// 4 (threadIdx.x % 8) on. fetch(chunk) gives the Quads that the thread brings of a chunk.
template <bool kAAlongDepth, bool kBAlongDepth, class Fetch>
__device__ __forceinline__ float4 tile_product(TileMemory& memory, int64_t chunks,
                                               const Fetch& fetch) {
  float sum[4][4] = {};
  Quads next = chunks > 0 ? fetch(0) : Quads{};
  for (int64_t chunk = 0; chunk < chunks; ++chunk) {
    float *a = memory.a[chunk % 2], *b = memory.b[chunk % 2];
    put<kAAlongDepth>(a, next.a);
    put<kBAlongDepth>(b, next.b);
    tile_barrier();
    if (chunk + 1 < chunks) next = fetch(chunk + 1);
    multiply_chunk(a, b, sum);
  }
  tile_barrier();
  return add_quarters(memory, sum);
}

}  // namespace gibbslab::cuda
