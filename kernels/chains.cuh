// Gibbs chains that never leave the chip: what anneal.cu and gibbs_chains.cu share.
//
//   sum = sum_i s_i W_i.;  pre = scale sum + bias;  p = sigmoid(beta pre);  new state = u < p
//
// A cluster of `blocks` blocks owns a group of `group` chains (a multiple of 4) for the whole
// launch. Each block holds the states of all units of both layers, and makes the new states of its
// share of either layer, which it then writes into the shared memory of every block of the cluster.
//
// States: a word has 8 units of 4 chains, bit 4 (unit % 8) + chain % 4; [chain / 4][unit / 8],
// rows an odd number of words apart. Units beyond the last and chains beyond the last are zero.
// Weights: of W for hidden units, of its transpose for visible ones, each block needs the columns
// of its own units: [summed unit][own unit], resident in shared memory, or read from global memory,
// where they stay in the second-level cache. The arithmetic is the same.
// Threads: a thread makes 4 neighbouring units (one Philox counter) of 4 chains; neighbouring
// threads have neighbouring units, so that they load weights together, and the state word that
// tells them which of 8 weights to add to which of 4 sums is the same for all units.
//
// Every sum runs over the summed units in rising order in one thread: results depend neither on
// the cluster nor on the group.
#pragma once

#include "csrc/ops/chains.h"
#include "kernels/gibbs_epilogue.cuh"
#include "kernels/leaf.cuh"

namespace gibbslab::cuda {

constexpr int kChainThreads = 256;  // of a block at most
constexpr int kUnits = 8;           // of a state word

__host__ __device__ constexpr int state_words(int units) { return (units + kUnits - 1) / kUnits; }

// One direction: `units` units made from `depth` others.
struct ChainLayer {
  const float* weights = nullptr;  // (depth, stride): what each summed unit adds
  const float* bias = nullptr;     // (1, units), or null
  int64_t stride = 0;
  int depth = 0, units = 0;
  int own = 0;  // state words of the share of a block
  bool resident = false;
  int slice = 0;  // where the resident columns lie, in floats
};

// All that a block needs to know; offsets into the shared memory in bytes.
struct ChainJob {
  ChainLayer up, down;  // hidden units from visible ones, and the reverse
  int64_t chains = 0;
  int group = 0, blocks = 1;
  int sums = 0, weights = 0, states = 0, clamps = 0, bytes = 0;
};

// A block's place, and its shared memory.
struct ChainBlock {
  int rank;
  int64_t first;  // chain
  double* sums;
  float* weights;
  uint32_t *visible, *hidden;
  int visible_stride, hidden_stride;  // words from four chains to the next four
  uint32_t *mask, *known;             // of the block's own visible words

  __device__ explicit ChainBlock(const ChainJob& job) {
    unsigned char* memory = dynamic_shared<unsigned char>();
    rank = job.blocks > 1 ? static_cast<int>(cluster_rank()) : 0;
    first = static_cast<int64_t>(blockIdx.x / job.blocks) * job.group;
    sums = reinterpret_cast<double*>(memory + job.sums);
    weights = reinterpret_cast<float*>(memory + job.weights);
    visible = reinterpret_cast<uint32_t*>(memory + job.states);
    visible_stride = state_words(job.down.units) | 1;
    hidden = visible + job.group / 4 * visible_stride;
    hidden_stride = state_words(job.up.units) | 1;
    mask = reinterpret_cast<uint32_t*>(memory + job.clamps);
    known = mask + job.group / 4 * job.down.own;
  }
};

// Threads of all blocks of the cluster meet; a warp arrives as one.
__device__ __forceinline__ void chains_barrier(const ChainJob& job) {
  __syncwarp();
  if (job.blocks == 1)
    __syncthreads();
  else
    cluster_sync();
}
// The same between two half-steps.
__device__ __forceinline__ void half_step_barrier(const ChainJob& job) {
  if (job.blocks == 1 || !fault("kernel_missing_cluster_barrier")) chains_barrier(job);
}

template <class T>
__device__ __forceinline__ T* in_block(const ChainJob& job, T* at, int rank) {
  return job.blocks > 1 ? map_shared(at, static_cast<unsigned>(rank)) : at;
}

// ------------------------------------------------------------------------------------ weights

// The block's columns, zeros where a row or column is beyond the last.
__device__ inline void load_slice(const ChainJob&, const ChainBlock& here,
                                  const ChainLayer& layer) {
  if (!layer.resident) return;
  const int quads = 2 * layer.own, rows = kUnits * state_words(layer.depth);
  float* slice = here.weights + layer.slice;
  for (int n = threadIdx.x; n < rows * quads; n += blockDim.x) {
    const int row = n / quads, unit = 4 * (here.rank * quads + n % quads);
    const bool valid = row < layer.depth && unit < layer.units;
    cp_async<16>(slice + 4 * n, layer.weights + (valid ? row * layer.stride + unit : 0), valid);
  }
}

__device__ __forceinline__ void load_weights(const ChainJob& job, const ChainBlock& here) {
  load_slice(job, here, job.up);
  load_slice(job, here, job.down);
  cp_async_commit();
  cp_async_wait<0>();
}

// The weights of four neighbouring units: row(i) is what summed unit i adds.
struct ResidentQuad {
  const float4* at;
  int quads;
  __device__ __forceinline__ float4 row(int i) const { return at[i * quads]; }
};
// A row beyond the last is read as the last: no state bit asks for it.
struct GlobalQuad {
  const float* at;
  int64_t stride;
  int depth;
  __device__ __forceinline__ float4 row(int i) const {
    return __ldg(reinterpret_cast<const float4*>(at + (i < depth ? i : depth - 1) * stride));
  }
};

// ------------------------------------------------------------------------------------ products

// Adds four units' weights to the sums of the chains whose bits are set.
__device__ __forceinline__ void add_unit(uint32_t chains, float4 w, float4 (&sum)[4]) {
#pragma unroll
  for (int c = 0; c < 4; ++c)
    if (chains >> c & 1u) {
      sum[c].x += w.x;
      sum[c].y += w.y;
      sum[c].z += w.z;
      sum[c].w += w.w;
    }
}

template <class Quad>
__device__ __forceinline__ void load_rows(const Quad& weights, int word, float4 (&w)[kUnits]) {
#pragma unroll
  for (int k = 0; k < kUnits; ++k) w[k] = weights.row(kUnits * word + k);
}

// The next word's weights are on their way while this word's are added.
template <class Quad>
__device__ __forceinline__ void add_units(const uint32_t* state, int words, const Quad& weights,
                                          float4 (&sum)[4]) {
  float4 now[kUnits], next[kUnits];
  load_rows(weights, 0, next);
  for (int word = 0; word < words; ++word) {
    const uint32_t bits = state[word];
#pragma unroll
    for (int k = 0; k < kUnits; ++k) now[k] = next[k];
    if (word + 1 < words) load_rows(weights, word + 1, next);
#pragma unroll
    for (int k = 0; k < kUnits; ++k) add_unit(bits >> (4 * k), now[k], sum);
  }
}

// The four units and four chains that a thread makes. `inside` is false for threads without work,
// which go along for the shuffles' sake.
struct ChainTile {
  int quad, of_four;  // the units' number among the block's quads, the chains' among the group's
  int64_t unit, chain;
  bool inside;
};

__device__ __forceinline__ ChainTile tile_of(const ChainBlock& here, const ChainLayer& layer,
                                             int item, int items) {
  const int quads = 2 * layer.own;
  ChainTile tile;
  tile.quad = item % quads;
  tile.of_four = item / quads;
  tile.unit = 4 * (static_cast<int64_t>(here.rank) * quads + tile.quad);
  tile.chain = here.first + 4 * tile.of_four;
  tile.inside = item < items && tile.unit < layer.units;
  return tile;
}

__device__ __forceinline__ void add_tile(const ChainBlock& here, const ChainLayer& layer,
                                         const ChainTile& tile, const uint32_t* from,
                                         float4 (&sum)[4]) {
  const int words = state_words(layer.depth - (fault("kernel_chain_depth") ? 1 : 0));
  if (layer.resident) {
    const float4* slice = reinterpret_cast<const float4*>(here.weights + layer.slice);
    add_units(from, words, ResidentQuad{slice + tile.quad, 2 * layer.own}, sum);
  } else {
    add_units(from, words, GlobalQuad{layer.weights + tile.unit, layer.stride, layer.depth}, sum);
  }
}

// One layer's new states from the other's. finish.tile(tile, sum) gives 16 bits, unit u and chain c
// in bit 4 u + c; finish.word(tile, bits) the word to keep. All blocks get it where finish.keeps.
template <class Finish>
__device__ __forceinline__ void half_pass(const ChainJob& job, const ChainBlock& here,
                                          const ChainLayer& layer, const uint32_t* from,
                                          int from_stride, uint32_t* to, int to_stride,
                                          const Finish& finish) {
  const int items = 2 * layer.own * (job.group / 4);
  for (int first = 0; first < items; first += blockDim.x) {
    const int item = first + threadIdx.x;
    const ChainTile tile = tile_of(here, layer, item, items);
    float4 sum[4] = {};
    if (tile.inside) add_tile(here, layer, tile, from + tile.of_four * from_stride, sum);
    uint32_t bits = finish.tile(tile, sum);
    bits |= __shfl_down_sync(kAll, bits, 1) << 16;
    if (!finish.keeps || !tile.inside || tile.quad % 2 != 0) continue;
    const int place = tile.of_four * to_stride + static_cast<int>(tile.unit / kUnits);
    bits = finish.word(tile, bits);
    for (int r = 0; r < job.blocks; ++r) *in_block(job, to + place, r) = bits;
  }
}

// The draws of a tile: probabilities p(c) of chain c, states as half_pass() wants them.
template <class Probability>
__device__ __forceinline__ uint32_t draw_tile(const HalfStepOutput& out, const ChainTile& tile,
                                              const Probability& p) {
  uint32_t bits = 0;
  if (!tile.inside) return bits;
#pragma unroll
  for (int c = 0; c < 4; ++c) {
    if (tile.chain + c >= out.rows) continue;
    const uint32_t four = draw_quad(out, tile.chain + c, tile.unit, p(c));
    bits |= ((four & 1u) | (four & 2u) << 3 | (four & 4u) << 6 | (four & 8u) << 9) << c;
  }
  return bits;
}

__device__ __forceinline__ float4 bias_of(const float* bias, const ChainLayer& layer,
                                          const ChainTile& tile) {
  return quad(Operand{bias, nullptr, 0, bias != nullptr ? 1 : 0, layer.units}, 0, tile.unit);
}

// ------------------------------------------------------------------------------------ states

// Bit k to bit 4 k, and back.
__device__ __forceinline__ uint32_t spread(uint32_t byte) {
  byte = (byte | byte << 12) & 0x000F000Fu;
  byte = (byte | byte << 6) & 0x03030303u;
  return (byte | byte << 3) & 0x11111111u;
}
__device__ __forceinline__ uint32_t gather(uint32_t word) {
  word &= 0x11111111u;
  word = (word | word >> 3) & 0x03030303u;
  word = (word | word >> 6) & 0x000F000Fu;
  return (word | word >> 12) & 0xFFu;
}

// Packed rows in global memory, one to a chain, `words` 64-bit words apart (0: one row for all);
// state word w of a chain is byte w of its row, as the machines are little-endian.
struct ChainRows {
  uint64_t* bits = nullptr;
  int64_t words = 0;
  __device__ unsigned char* row(int64_t chain) const {
    return reinterpret_cast<unsigned char*>(bits + chain * words);
  }
};

// State words [begin, begin + count) of the group's chains; zero beyond word `total`.
__device__ inline void load_states(const ChainJob& job, const ChainBlock& here,
                                   const ChainRows& rows, int begin, int count, int total,
                                   uint32_t* state, int stride) {
  for (int n = threadIdx.x; n < job.group / 4 * count; n += blockDim.x) {
    const int w = begin + n % count, of_four = n / count;
    uint32_t word = 0;
    for (int c = 0; c < 4; ++c) {
      const int64_t chain = here.first + 4 * of_four + c;
      if (w < total && chain < job.chains) word |= spread(rows.row(chain)[w]) << c;
    }
    state[of_four * stride + n % count] = word;
  }
}

// Each block stores the chains whose number in the group is its rank, modulo the blocks.
__device__ inline void store_states(const ChainJob& job, const ChainBlock& here,
                                    const ChainRows& rows, int words, const uint32_t* state,
                                    int stride) {
  const int own = (job.group - here.rank + job.blocks - 1) / job.blocks;
  for (int n = threadIdx.x; n < own * words; n += blockDim.x) {
    const int w = n % words, c = here.rank + n / words * job.blocks;
    if (here.first + c < job.chains)
      rows.row(here.first + c)[w] =
          static_cast<unsigned char>(gather(state[c / 4 * stride + w] >> c % 4));
  }
}

}  // namespace gibbslab::cuda
