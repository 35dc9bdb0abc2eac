// A block of the cluster that trains a model in one launch (cd_resident.cu): what it holds in
// shared memory, how that comes there, and how it is stored in the end.
#pragma once

#include "kernels/cd_slices.cuh"
#include "kernels/gibbs_operand.cuh"
#include "kernels/leaf.cuh"

namespace gibbslab::cuda {

// A block's place, and where it finds what.
struct Resident {
  const CdRunJob& job;
  const CdSlices& at;
  int rank;

  template <class T>
  __device__ __forceinline__ T* part(int offset) const {
    return reinterpret_cast<T*>(dynamic_shared<unsigned char>() + offset);
  }
  __device__ __forceinline__ int64_t first_unit(int block) const {
    return int64_t{kWordUnits} * at.own * block;
  }
  __device__ __forceinline__ int64_t units(int block) const {
    const int64_t whole = first_unit(1) - (fault("kernel_slice_edge") ? 1 : 0),
                  left = job.visible - first_unit(block);
    return left >= whole ? whole : left > 0 ? left : 0;
  }
  __device__ __forceinline__ Operand weights() const {
    return {part<float>(at.weights), nullptr, at.stride, units(rank), job.hidden};
  }
  __device__ __forceinline__ Operand visible(int bits, int64_t rows) const {
    return {nullptr, part<uint64_t>(bits), at.own, rows, units(rank)};
  }
  // The same of another block.
  __device__ __forceinline__ Operand weights(int block) const {
    return {map_shared(part<float>(at.weights), static_cast<unsigned>(block)), nullptr, at.stride,
            units(block), job.hidden};
  }
  __device__ __forceinline__ Operand visible(int bits, int64_t rows, int block) const {
    return {nullptr, map_shared(part<uint64_t>(bits), static_cast<unsigned>(block)), at.own, rows,
            units(block)};
  }
  __device__ __forceinline__ Operand hidden(int bits, int64_t rows) const {
    return {nullptr, part<uint64_t>(bits), job.hidden_words, rows, job.hidden};
  }
};

// The block's words of a batch.
__device__ __forceinline__ void load_batch(const Resident& here, int64_t batch) {
  const CdRunJob& job = here.job;
  if (batch >= job.batches) return;
  uint64_t* to = here.part<uint64_t>(here.at.v0[batch % 2]);
  const int own = here.at.own, words = static_cast<int>(job.rows_of(batch)) * own;
  for (int n = threadIdx.x; n < words; n += kThreads) {
    const int64_t row = job.order[batch * job.batch + n / own], word = here.rank * own + n % own;
    to[n] = word < job.visible_words ? job.data[row * job.visible_words + word] : 0;
  }
}

// Each thread's share of the quads of the block's own rows: move(quad in the block, row, column).
template <class Move>
__device__ __forceinline__ void for_own_quads(const Resident& here, int offset, const Move& move) {
  const int quads = static_cast<int>((here.job.hidden + 3) / 4),
            count = static_cast<int>(here.units(here.rank)) * quads;
  for (int n = threadIdx.x; n < count; n += kThreads) {
    const int row = n / quads, col = 4 * (n % quads);
    move(here.part<float>(offset) + row * here.at.stride + col, here.first_unit(here.rank) + row,
         col);
  }
}

__device__ __forceinline__ void load_matrix(const Resident& here, int to, const float* from) {
  for_own_quads(here, to, [&](float* mine, int64_t row, int col) {
    cp_async<16>(mine, from + row * here.job.weight_stride + col);
  });
}
__device__ __forceinline__ void store_matrix(const Resident& here, int from, float* to) {
  for_own_quads(here, from, [&](const float* mine, int64_t row, int col) {
    store_quad(to, here.job.weight_stride, here.job.hidden, row, col,
               *reinterpret_cast<const float4*>(mine));
  });
}

template <class T>
__device__ __forceinline__ void copy(T* to, const T* from, int64_t count) {
  for (int64_t n = threadIdx.x; n < count; n += kThreads) to[n] = from[n];
}

__device__ __forceinline__ void begin(const Resident& here) {
  const CdSlices& at = here.at;
  const CdParameters& from = here.job.parameters[0];
  const int64_t first = here.first_unit(here.rank), units = here.units(here.rank);
  load_matrix(here, at.weights, from.weights);
  if (at.velocities) load_matrix(here, at.velocity_weights, from.velocity_weights);
  cp_async_commit();
  copy(here.part<float>(at.visible_bias), from.visible_bias + first, units);
  copy(here.part<float>(at.hidden_bias), from.hidden_bias, here.job.hidden);
  if (at.velocities) {
    copy(here.part<float>(at.velocity_visible_bias), from.velocity_visible_bias + first, units);
    copy(here.part<float>(at.velocity_hidden_bias), from.velocity_hidden_bias, here.job.hidden);
  }
  if (here.job.chains > 0)
    copy(here.part<uint64_t>(at.h1), here.job.passes[1].from[0],
         here.job.chains * here.job.hidden_words);
  if (threadIdx.x < 6) here.part<int>(at.trouble)[threadIdx.x] = 0;
  load_batch(here, 0);
  cp_async_wait<0>();
}

// A block stores what is its own; a hidden bias, that which updated it.
__device__ __forceinline__ void end(const Resident& here) {
  const CdSlices& at = here.at;
  const CdRunJob& job = here.job;
  const CdParameters& to = job.parameters[1];
  const int64_t first = here.first_unit(here.rank), units = here.units(here.rank);
  const auto store_hidden = [&](float* values, int from) {
    for (int64_t c = threadIdx.x; c < job.hidden; c += kThreads)
      if (c / kTile % at.blocks == at.blocks - 1 - here.rank) values[c] = here.part<float>(from)[c];
  };
  store_matrix(here, at.weights, to.weights);
  copy(to.visible_bias + first, here.part<float>(at.visible_bias), units);
  store_hidden(to.hidden_bias, at.hidden_bias);
  if (at.velocities) {
    store_matrix(here, at.velocity_weights, to.velocity_weights);
    copy(to.velocity_visible_bias + first, here.part<float>(at.velocity_visible_bias), units);
    store_hidden(to.velocity_hidden_bias, at.velocity_hidden_bias);
  }
  if (job.chains > 0 && here.rank == 0)
    copy(job.passes[job.pass_count - 1].to[0], here.part<uint64_t>(at.h1),
         job.chains * job.hidden_words);
}

}  // namespace gibbslab::cuda
