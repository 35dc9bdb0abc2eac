// A tile of a product C = A B on tensor cores, in TF32 or bf16 with float32 sums, whose factors are
// gathered from float32 arrays by asynchronous copies.
//
// A block of 4 warps owns kM x kN results, a warp 32 x 32 of them. The depth is walked in chunks of
// 16. Three chunks of both factors fit into shared memory: one is multiplied while the two after it
// are on their way. A factor whose neighbours in memory lie along the depth is kept as
// [line][depth], one whose neighbours are lines (rows of A, columns of B) as [depth][line], with
// pitches at which no load of a fragment meets a bank twice. Values are rounded when they are
// loaded from there. With lane = 4 g + t a lane holds the depths t, t + 4, t + 8, t + 12 of a
// chunk; in bf16 they stand for the depths 2 t, 2 t + 1, 2 t + 8, 2 t + 9 of the fragments, in both
// factors alike. One warp adds up the whole depth of a result, in order.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "csrc/core/faults.h"
#include "kernels/leaf.cuh"

namespace gibbslab::cuda {

constexpr int kTensorThreads = 128, kTensorDepth = 16, kTensorStages = 3, kWarpTile = 32;

// kLines lines of a factor, one chunk deep.
template <int kLines, bool kAlong>
struct Panel {
  static constexpr int kPitch = kAlong ? kTensorDepth + 4 : kLines + 8;
  static constexpr int kFloats = (kAlong ? kLines : kTensorDepth) * kPitch;
  static constexpr int kQuads = kLines / 32;  // that each thread brings

  static __device__ __forceinline__ int at(int line, int depth) {
    return kAlong ? line * kPitch + depth : depth * kPitch + line;
  }
  // The line and the depth of the first value of the i-th quad that this thread brings.
  static __device__ __forceinline__ int line(int i) {
    const int t = threadIdx.x;
    return kAlong ? t / 4 + 32 * i : 4 * (t % (kLines / 4));
  }
  static __device__ __forceinline__ int depth(int i) {
    const int t = threadIdx.x;
    return kAlong ? 4 * (t % 4) : t / (kLines / 4) + kTensorDepth / kQuads * i;
  }
};

// A stage holds a chunk of either layout; the results, in rows, take the place of all stages.
template <int kM, int kN>
struct alignas(16) TensorMemory {
  static constexpr int kAFloats = Panel<kM, true>::kFloats, kBFloats = Panel<kN, true>::kFloats,
                       kResultPitch = kN + 8;
  struct Stage {
    float a[kAFloats], b[kBFloats];
  };
  union {
    Stage stages[kTensorStages];
    float results[kM * kResultPitch];
  };
  static_assert(kAFloats >= Panel<kM, false>::kFloats && kBFloats >= Panel<kN, false>::kFloats);
  static_assert(kM / kWarpTile * (kN / kWarpTile) * 32 == kTensorThreads);
};

// What a lane keeps of four depths of a line: kWords registers.
struct Tf32Factors {
  static constexpr int kWords = 4;
  static __device__ __forceinline__ void pack(const float (&x)[4], unsigned (&words)[kWords]) {
#pragma unroll
    for (int i = 0; i < kWords; ++i) words[i] = to_tf32(x[i]);
  }
  static __device__ __forceinline__ void multiply(float (&c)[4], const unsigned (&a)[4],
                                                  const unsigned (&b)[2]) {
    mma_tf32_16x8x8(c, a, b);
  }
};
struct Bf16Factors {
  static constexpr int kWords = 2;
  static __device__ __forceinline__ void pack(const float (&x)[4], unsigned (&words)[kWords]) {
    words[0] = to_bf16x2(x[0], x[1]);
    words[1] = to_bf16x2(x[2], x[3]);
  }
  static __device__ __forceinline__ void multiply(float (&c)[4], const unsigned (&a)[4],
                                                  const unsigned (&b)[2]) {
    mma_bf16_16x8x16(c, a, b);
  }
};

__device__ __forceinline__ void tensor_barrier() {
  if (!fault("kernel_missing_barrier")) __syncthreads();
}

// Starts the copies of this thread's quads of a chunk. source.at(i, depth, e) is where the e-th
// value of the i-th quad lies, null for a zero; source.quads: all four lie behind the first, whose
// address is a multiple of 16, or all are zeros; source.data is any readable address.
template <class P, class Source>
__device__ __forceinline__ void bring_panel(float* panel, const Source& source, int chunk) {
#pragma unroll
  for (int i = 0; i < P::kQuads; ++i) {
    const int depth = chunk * kTensorDepth + P::depth(i);
    float* to = panel + P::at(P::line(i), P::depth(i));
    if (source.quads) {
      const float* from = source.at(i, depth, 0);
      cp_async<16>(to, from != nullptr ? from : source.data, from != nullptr);
      continue;
    }
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      const float* from = source.at(i, depth, e);
      cp_async<4>(to + e, from != nullptr ? from : source.data, from != nullptr);
    }
  }
}

// A lane's part of the line, ready to be multiplied.
template <class Factors, class P>
__device__ __forceinline__ void load_line(const float* panel, int line,
                                          unsigned (&words)[Factors::kWords]) {
  const int t = threadIdx.x % 4;
  float x[4];
#pragma unroll
  for (int i = 0; i < 4; ++i) x[i] = panel[P::at(line, t + 4 * i)];
  Factors::pack(x, words);
}

// sum[m][n] += the warp's product of one chunk: 16 m rows down, 8 n columns across.
template <class Factors, class PA, class PB>
__device__ __forceinline__ void multiply_chunk(const float* a, const float* b, int row, int col,
                                               float (&sum)[2][4][4]) {
  const int g = threadIdx.x % 32 / 4;
  unsigned rows[4][Factors::kWords], col_words[4][Factors::kWords];
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    load_line<Factors, PA>(a, row + 8 * i + g, rows[i]);
    load_line<Factors, PB>(b, col + 8 * i + g, col_words[i]);
  }
  const bool swapped = fault("kernel_swapped_fragment");
#pragma unroll
  for (int step = 0; step < Factors::kWords; step += 2)
#pragma unroll
    for (int m = 0; m < 2; ++m) {
      const unsigned(&low)[Factors::kWords] = rows[2 * m];
      const unsigned(&high)[Factors::kWords] = rows[2 * m + 1];
      const unsigned fragment[4] = {low[step], swapped ? low[step + 1] : high[step],
                                    swapped ? high[step] : low[step + 1], high[step + 1]};
#pragma unroll
      for (int n = 0; n < 4; ++n)
        Factors::multiply(sum[m][n], fragment, {col_words[n][step], col_words[n][step + 1]});
    }
}

// Leaves the products of the block's tile in memory.results, row by row.
template <int kM, int kN>
__device__ __forceinline__ void put_results(TensorMemory<kM, kN>& memory, int row, int col,
                                            const float (&sum)[2][4][4]) {
  const int g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
#pragma unroll
  for (int m = 0; m < 2; ++m)
#pragma unroll
    for (int n = 0; n < 4; ++n)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int r = row + 16 * m + 8 * half + g, c = col + 8 * n + 2 * t;
        float* at = memory.results + r * TensorMemory<kM, kN>::kResultPitch + c;
        at[0] = sum[m][n][2 * half];
        at[1] = sum[m][n][2 * half + 1];
      }
}

// finish(row, col, quad) for every four neighbouring columns of the tile.
template <int kM, int kN, class Finish>
__device__ __forceinline__ void finish_results(const TensorMemory<kM, kN>& memory,
                                               const Finish& finish) {
  for (int i = threadIdx.x; i < kM * kN / 4; i += kTensorThreads) {
    const int row = i / (kN / 4), col = 4 * (i % (kN / 4));
    const float* at = memory.results + row * TensorMemory<kM, kN>::kResultPitch + col;
    finish(row, col, *reinterpret_cast<const float4*>(at));
  }
}

// The product of the tile over `chunks` chunks of its sources (bring_panel); what becomes of it is
// the business of `finish`.
template <class Factors, int kM, int kN, bool kAAlong, bool kBAlong, class A, class B, class Finish>
__device__ __forceinline__ void tensor_tile(TensorMemory<kM, kN>& memory, int chunks, const A& a,
                                            const B& b, const Finish& finish) {
  using PA = Panel<kM, kAAlong>;
  using PB = Panel<kN, kBAlong>;
  const int warp = threadIdx.x / 32, row = kWarpTile * (warp % (kM / kWarpTile)),
            col = kWarpTile * (warp / (kM / kWarpTile));
  const auto bring = [&](int chunk) {
    if (chunk < chunks) {
      auto& stage = memory.stages[chunk % kTensorStages];
      bring_panel<PA>(stage.a, a, chunk);
      bring_panel<PB>(stage.b, b, chunk);
    }
    cp_async_commit();  // of no copies too: so the latest groups are as many as chunks
  };
  float sum[2][4][4] = {};
  for (int chunk = 0; chunk < kTensorStages - 1; ++chunk) bring(chunk);
  for (int chunk = 0; chunk < chunks; ++chunk) {
    fault("kernel_copy_not_awaited") ? cp_async_wait<kTensorStages>()
                                     : cp_async_wait<kTensorStages - 2>();
    tensor_barrier();  // the chunk is there, and the one before it has been multiplied
    bring(chunk + kTensorStages - 1);
    const auto& stage = memory.stages[chunk % kTensorStages];
    multiply_chunk<Factors, PA, PB>(stage.a, stage.b, row, col, sum);
  }
  cp_async_wait<0>();
  tensor_barrier();
  put_results(memory, row, col, sum);
  tensor_barrier();
  finish_results(memory, finish);
}

}  // namespace gibbslab::cuda
