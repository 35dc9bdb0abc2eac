// Products with what has changed: out[r, :] += d[r] M, M packed in strips, a panel of them at once.
//
// Sparse: a row's changes are listed, and each takes one row of the panel. A block of these stays
// in the first-level cache while all rows of d pass; the sums wait meanwhile.
// Dense: a tile of sums, some rows of d times part of a strip, in registers.
//
// Either way an element of out gets one sum, made in the order of M's rows apart from out: it is
// small where the changes are, so it rounds little.
#include <array>
#include <utility>

#include "csrc/core/faults.h"
#include "csrc/cpu/kernels_impl.h"
#include "csrc/cpu/nonzeros.h"
#include "csrc/cpu/register_sums.h"
#include "csrc/cpu/scratch.h"
#include "csrc/cpu/simd.h"

namespace gibbslab::cpu::GIBBSLAB_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int kStrips = 4;  // summed at once
#elif defined(__AVX2__)
constexpr int kStrips = 2;
#else
constexpr int kStrips = 1;
#endif
constexpr int kTileColumns = 2 * kFloats;
constexpr int64_t kSumsWidth = kStrips * kChangeStrip;
constexpr int kSumsSlot = 3;  // of scratch

// One row's changes of a block; `m` the strips from the first of kStrips on.
GIBBSLAB_HD void add_listed(Sums<2>* sum, const AddChanges& job, const float* m, int64_t r,
                            int64_t block) {
  const int64_t blocks = change_blocks(job.units), strip = job.units * kChangeStrip;
  const uint32_t* start = job.starts + r * (blocks + 1) + block;
  const uint32_t* at = job.at + r * job.room;
  const float* change = job.change + r * job.room;
  for (uint32_t i = start[0]; i < start[1]; ++i)
    for (int s = 0; s < kStrips; ++s) add_multiple<2>(sum[s], change[i], m + s * strip + at[i]);
}

void add_block(const AddChanges& job, int64_t column, int64_t block, float* sums) {
  const float* m = job.panel + column * job.units;
  for (int64_t k = 0; k < job.to.count; ++k, sums += kSumsWidth) {
    const int64_t r = job.to.rows[k];
    Sums<2> sum[kStrips];
    if (block > 0)
      for (int s = 0; s < kStrips; ++s) load_sums<2>(sum[s], sums + kChangeStrip * s);
    add_listed(sum, job, m, r, block);
    const bool last = block + 1 == change_blocks(job.units);
    float* to = last ? job.to.out + r * job.to.stride + column : sums;
    for (int s = 0; s < kStrips; ++s) {
      if (last) add<2>(sum[s], to + kChangeStrip * s);
      store_sums<2>(sum[s], to + kChangeStrip * s);
    }
  }
}

// R rows from row `first` of the group, kTileColumns from `column` on.
template <int R>
void add_tile(const AddDenseChanges& job, int64_t first, int64_t column) {
  const int64_t within = column % kChangeStrip;
  const float* m = job.panel + (column - within) * job.units + within;
  Register sum[R][2] = {};
  multiply<R, 2>({job.changes + first, 1, kLanes}, m, kChangeStrip, job.units, sum);
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    float* out = job.to.out + job.to.rows[first + r] * job.to.stride + column;
    put(out, register_at(out) + sum[r][0]);
    put(out + kFloats, register_at(out + kFloats) + sum[r][1]);
  }
}

using TileFunction = void (*)(const AddDenseChanges&, int64_t, int64_t);

template <int... R>
constexpr std::array<TileFunction, sizeof...(R)> tiles_of(std::integer_sequence<int, R...>) {
  return {add_tile<R + 1>...};
}

constexpr auto kTiles = tiles_of(std::make_integer_sequence<int, kTileRows>());

}  // namespace

int64_t note_changes(const ChangedRow& job) {
  int64_t count = 0;
  for (int64_t c = 0; c < job.cols; c += 16) {
    const f32x16 mean = load(job.mean + c), noted = load(job.noted + c), moved = mean - noted;
    const f32x16 size = -Lane<f32x16>::negative_magnitude(moved);
    const bool left_out = fault("last_block_of_changes") && c >= kChangeBlock &&
                          c / kChangeBlock + 1 == change_blocks(job.cols);
    const f32x16 change = left_out ? f32x16{} : moved * job.scale;
    // Not smaller: so that what is no number has changed.
    store(job.noted + c, Lane<f32x16>::select(size < job.least, noted, mean));
    store(job.change + c, Lane<f32x16>::select(size < job.least, f32x16{}, change));
    count += __builtin_popcount(~less_mask(size, broadcast(job.least)) & lanes_left(job.cols - c));
  }
  return count;
}

void list_changes(const ListedRow& job) {
  uint32_t count = 0;
  for (int64_t c = 0; c < job.cols; c += 16) {
    if (c % kChangeBlock == 0) job.starts[c / kChangeBlock] = count;
    const f32x16 change = load(job.change + c);
    const uint32_t mask = not_zero_mask(change) & lanes_left(job.cols - c);
    count += append(mask, change, c, kChangeStrip, job.at + count, job.listed + count);
  }
  job.starts[change_blocks(job.cols)] = count;
}

void add_changes(const AddChanges& job) {
  float* sums = static_cast<float*>(scratch(kSumsSlot, job.to.count * kSumsWidth * 4));
  for (int64_t column = 0; column < kChangePanel; column += kSumsWidth)
    for (int64_t block = 0; block < change_blocks(job.units); ++block)
      add_block(job, column, block, sums);
}

void add_dense_changes(const AddDenseChanges& job) {
  const int64_t tiles = (job.to.count + kTileRows - 1) / kTileRows;
  for (int64_t column = 0; column < kChangePanel; column += kTileColumns)
    for (int64_t t = 0; t < tiles; ++t) {
      const int64_t first = job.to.count * t / tiles, last = job.to.count * (t + 1) / tiles;
      kTiles[static_cast<size_t>(last - first - 1)](job, first, column);
    }
}

}  // namespace gibbslab::cpu::GIBBSLAB_ISA
