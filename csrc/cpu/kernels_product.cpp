// Dense products: out (R, J) = A B, A (R, K), B (K, J).
//
// A tile of sums, some rows of A times two registers of columns of B, stays in registers while the
// depth passes. Neither matrix is packed: an element of A is broadcast from where it lies, and the
// strip of B that a tile reads, a block of its depth at a time, stays in the second-level cache.
#include <algorithm>
#include <array>
#include <utility>

#include "csrc/cpu/kernels_impl.h"
#include "csrc/cpu/register_sums.h"
#include "csrc/cpu/simd.h"
#include "csrc/cpu/tile.h"

namespace gibbslab::cpu::GIBBSLAB_ISA {
namespace {

constexpr int64_t kDepthBlock = 1024;

// R rows from row `first`, C registers of columns from `column`, depth [begin, end).
template <int R, int C>
void multiply_tile(const DenseProduct& job, int64_t first, int64_t column, int64_t begin,
                   int64_t end) {
  const float* a = job.a + first * job.a_row + begin * job.a_depth;
  Register sum[R][C] = {};
  multiply<R, C>({a, job.a_row, job.a_depth}, job.b + begin * job.b_stride + column, job.b_stride,
                 end - begin, sum);
  const bool accumulate = job.accumulate || begin > 0;
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    float* out = job.out + (first + r) * job.out_stride + column;
    for (int c = 0; c < C; ++c) {
      const Register value = accumulate ? register_at(out + kFloats * c) + sum[r][c] : sum[r][c];
      put(out + kFloats * c, value);
    }
  }
}

using TileFunction = void (*)(const DenseProduct&, int64_t, int64_t, int64_t, int64_t);

template <int C, int... R>
constexpr std::array<TileFunction, sizeof...(R)> tiles_of(std::integer_sequence<int, R...>) {
  return {multiply_tile<R + 1, C>...};
}

constexpr std::make_integer_sequence<int, kTileRows> kRows;
constexpr std::array<TileFunction, kTileRows> kTiles[] = {tiles_of<1>(kRows), tiles_of<2>(kRows)};

void multiply_strip(const DenseProduct& job, int64_t column, int registers, int64_t begin,
                    int64_t end) {
  const int64_t tiles = (job.rows + kTileRows - 1) / kTileRows;
  for (int64_t t = 0; t < tiles; ++t) {
    const int64_t first = job.rows * t / tiles, last = job.rows * (t + 1) / tiles;
    kTiles[registers - 1][static_cast<size_t>(last - first - 1)](job, first, column, begin, end);
  }
}

}  // namespace

void dense_product(const DenseProduct& job) {
  const int64_t cols = round_up(job.cols, kLanes);
  for (int64_t column = 0; column < cols; column += 2 * kFloats) {
    const int registers = column + kFloats < cols ? 2 : 1;
    int64_t begin = 0;
    do {
      const int64_t end = std::min(job.depth, begin + kDepthBlock);
      multiply_strip(job, column, registers, begin, end);
      begin = end;
    } while (begin < job.depth);
  }
  for (int64_t r = 0; r < job.rows; ++r) {
    float* out = job.out + r * job.out_stride;
    std::fill(out + job.cols, out + cols, 0.0f);
  }
}

void pack_strip(const float* rows, int64_t stride, int64_t count, int64_t depth, float* out) {
  for (int64_t first = 0; first < kProductStrip; first += 16)
    for (int64_t k = 0; k < depth; k += 16) {
      f32x16 tile[16];
      load_tile(rows + first * stride + k, stride, count - first, tile);
      transpose_tile(tile);
      for (int64_t j = 0; j < std::min<int64_t>(16, depth - k); ++j)
        store(out + (k + j) * kProductStrip + first, tile[j]);
    }
}

}  // namespace gibbslab::cpu::GIBBSLAB_ISA
