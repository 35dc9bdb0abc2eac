// Products with a 0/1 left factor: out = scale * (X M) + bias, X (R, I) in bits, M (I, J) float32.
//
// Active rows: one add per one in X, accumulators in registers for a panel of J.
// Tables: for every four rows of M the sums of all 16 subsets, then one add per four columns of X.
// A panel is chosen so that its part of M, or its tables, stays in the cache.
#include <algorithm>

#include "csrc/cpu/kernels_impl.h"
#include "csrc/cpu/register_sums.h"
#include "csrc/cpu/scratch.h"
#include "csrc/cpu/simd.h"

namespace gibbslab::cpu::GIBBSLAB_ISA {
namespace {

constexpr int64_t kBlockedRows = 16;  // of X: fewer do not repay keeping partial sums
constexpr int kTableRows = 4, kTableSums = 1 << kTableRows;
constexpr int64_t kTableBlock = 128;  // rows of M whose tables, of 16 columns, are kept: 32 KiB

constexpr int64_t kLevel1Bytes = 32 * 1024;
// What does not fit is summed block by block, the sums waiting meanwhile. A block may be larger
// than the first-level cache: that costs less than more sums put aside (784x100: 26.0 us with
// blocks of 28 KiB, 24.5 with these).
constexpr int kBlockWidest = 4, kBlockRows = 192;
constexpr uint64_t kOffset = 2;  // 8 bytes: what an address of x86 multiplies by

// Appends the positions of the ones of words [first, last) of a row; `at` has room for one vector
// beyond them.
GIBBSLAB_HD uint32_t* list_ones(const uint64_t* row, int64_t first, int64_t last, uint32_t* at) {
#if defined(__AVX512VBMI2__)
  alignas(64) constexpr uint8_t kLane[64] = {
      0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
      22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
      44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
  const __m512i lane = _mm512_load_si512(kLane);
  for (int64_t w = first; w < last; ++w) {
    const __m512i found = _mm512_maskz_compress_epi8(row[w], lane);
    const __m512i base = _mm512_set1_epi32(static_cast<int>(64 * w));
    const int count = __builtin_popcountll(row[w]);
    alignas(64) uint8_t bytes[64];
    _mm512_store_si512(bytes, found);
    for (int i = 0; i < count; i += 16) {
      const __m128i some = _mm_load_si128(reinterpret_cast<const __m128i*>(bytes + i));
      _mm512_storeu_si512(at + i, _mm512_add_epi32(base, _mm512_cvtepu8_epi32(some)));
    }
    at += count;
  }
#else
  for (int64_t w = first; w < last; ++w)
    for (uint64_t left = row[w]; left != 0; left &= left - 1)
      *at++ = static_cast<uint32_t>(64 * w + __builtin_ctzll(left));
#endif
  return at;
}

// The ones of rows [begin, end) of X, as the offsets of the rows of M to add, in `blocks` blocks of
// M's rows.
struct ActiveLists {
  int64_t blocks, first_word, words;
  int64_t* starts;    // (rows, blocks), and the end
  uint32_t* offsets;  // in steps of kOffset floats

  ActiveLists(const BinaryMatmul& job, int64_t begin, int64_t end, int64_t blocks_)
      : blocks(blocks_), first_word(job.first_word), words(job.words_end() - job.first_word) {
    const int64_t rows = end - begin;
    starts = static_cast<int64_t*>(scratch(0, (rows * blocks + 1) * 8));
    offsets = static_cast<uint32_t*>(scratch(1, (rows * job.x->cols() + 16) * 4));
    uint32_t* at = offsets;
    int64_t* start = starts;
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t b = 0; b < blocks; ++b) {
        *start++ = at - offsets;
        at = list_ones(job.x->row(begin + r), word(b), word(b + 1), at);
      }
    *start = at - offsets;
    const uint32_t step = static_cast<uint32_t>(job.m->stride() / kOffset);
    for (uint32_t* p = offsets; p < at; ++p) *p *= step;
  }

  // Where block b begins, in words of X.
  int64_t word(int64_t b) const { return first_word + words * b / blocks; }
};

template <int N>
GIBBSLAB_HD void finish(const BinaryMatmul& job, int64_t r, int64_t column, const Sums<N>& sum) {
  float* out = job.out->row(r - job.out_first) + column;
  Sums<N> value;
  for (int i = 0; i < Sums<N>::kCount; ++i) value.part[i] = sum.part[i] * job.scale;
  if (job.accumulate) add<N>(value, out);
  if (job.bias != nullptr) add<N>(value, job.bias->data() + column);
  store_sums<N>(value, out);
}

// Asks for rows [first, last) of a panel of M, which another core may have written.
template <int N>
GIBBSLAB_HD void prefetch(const float* m, int64_t stride, int64_t first, int64_t last) {
  for (int64_t i = first; i < last; ++i)
    for (int n = 0; n < N; ++n) __builtin_prefetch(m + i * stride + 16 * n);
}

// Two rows of M at a time, one after the other.
template <int N>
GIBBSLAB_HD void add_listed(Sums<N>& sum, const float* m, const uint32_t* at, int64_t count) {
  if (count % 2 != 0) add<N>(sum, m + kOffset * *at++);
  for (; count > 1; count -= 2, at += 2) {
    add<N>(sum, m + kOffset * at[0]);
    add<N>(sum, m + kOffset * at[1]);
  }
}

// Block by block of M's rows, so that a block stays in the first-level cache for all rows of X;
// the sums wait in `partial` meanwhile. The order of the additions is that of one block.
template <int N>
void active_panel(const BinaryMatmul& job, int64_t begin, int64_t end, int64_t column,
                  const ActiveLists& lists) {
  const float* m = job.m->data() + column;
  float* partial = static_cast<float*>(scratch(3, (end - begin) * N * 64));
  for (int64_t block = 0; block < lists.blocks; ++block) {
    const int64_t next = 64 * lists.word(block + 1);
    const int64_t after =
        std::min(job.last_row(), 64 * lists.word(std::min(block + 2, lists.blocks)));
    const int64_t share = (after - next + end - begin - 1) / (end - begin);
    for (int64_t r = begin; r < end; ++r) {
      const int64_t asked = next + (r - begin) * share;
      prefetch<N>(m, job.m->stride(), asked, std::min(asked + share, after));
      const int64_t* start = lists.starts + (r - begin) * lists.blocks + block;
      float* waiting = partial + (r - begin) * N * 16;
      Sums<N> sum;
      if (block > 0) load_sums<N>(sum, waiting);
      add_listed<N>(sum, m, lists.offsets + start[0], start[1] - start[0]);
      if (block + 1 < lists.blocks)
        store_sums<N>(sum, waiting);
      else
        finish<N>(job, r, column, sum);
    }
  }
}

// tables[g][s] = sum of the rows first + 4g + i of M, 16 columns of them, whose bit i is set in s.
void build_tables(const BinaryMatmul& job, int64_t column, int64_t first, int64_t last,
                  float* table) {
  for (; first < last; first += kTableRows, table += 16 * kTableSums) {
    for (int c = 0; c < 16; ++c) table[c] = 0.0f;
    for (int i = 0; i < kTableRows; ++i) {
      const int bit = 1 << i;
      Sums<1> row;
      if (first + i < last) load_sums<1>(row, job.m->row(first + i) + column);
      for (int s = 0; s < bit; ++s) {
        Sums<1> sum = row;
        add<1>(sum, table + 16 * s);
        store_sums<1>(sum, table + 16 * (bit + s));
      }
    }
  }
}

// sum[i] += what the tables of the `groups` groups from word `word` on hold for row r + i of X.
template <int R>
GIBBSLAB_HD void look_up(const BinaryMatmul& job, int64_t r, int64_t word, int64_t groups,
                         const float* table, Sums<1>* sum) {
  for (; groups > 0; groups -= 16, ++word) {
    uint64_t bits[R];
    for (int i = 0; i < R; ++i) bits[i] = job.x->row(r + i)[word];
    for (int64_t g = std::min<int64_t>(groups, 16); g > 0; --g, table += 16 * kTableSums)
      for (int i = 0; i < R; ++i) {
        add<1>(sum[i], table + 16 * (bits[i] & 15));
        bits[i] >>= 4;
      }
  }
}

template <int R>
GIBBSLAB_HD void table_rows(const BinaryMatmul& job, int64_t r, int64_t column, int64_t first,
                            int64_t last, const float* tables, float* partial) {
  Sums<1> sum[R];
  if (first > job.first_row())
    for (int i = 0; i < R; ++i) load_sums<1>(sum[i], partial + 16 * i);
  look_up<R>(job, r, first / 64, (last - first + kTableRows - 1) / kTableRows, tables, sum);
  for (int i = 0; i < R; ++i)
    if (last < job.last_row())
      store_sums<1>(sum[i], partial + 16 * i);
    else
      finish<1>(job, r + i, column, sum[i]);
}

// Sixteen columns, and as many rows of M as have tables that fit the first-level cache. Four rows
// of X at a time, for their sums do not wait for each other.
void table_panel(const BinaryMatmul& job, int64_t begin, int64_t end, int64_t column) {
  float* tables = static_cast<float*>(scratch(2, kTableBlock / kTableRows * kTableSums * 64));
  float* partial = static_cast<float*>(scratch(3, (end - begin) * 64));
  for (int64_t first = job.first_row(); first < job.last_row(); first += kTableBlock) {
    const int64_t last = std::min(job.last_row(), first + kTableBlock);
    build_tables(job, column, first, last, tables);
    int64_t r = begin;
    for (; r + 4 <= end; r += 4)
      table_rows<4>(job, r, column, first, last, tables, partial + 16 * (r - begin));
    for (; r < end; ++r)
      table_rows<1>(job, r, column, first, last, tables, partial + 16 * (r - begin));
  }
}

using PanelFunction = void (*)(const BinaryMatmul&, int64_t, int64_t, int64_t, const ActiveLists&);
constexpr PanelFunction kPanels[] = {
    nullptr,         active_panel<1>, active_panel<2>, active_panel<3>,
#if defined(__AVX512F__)
    active_panel<4>, active_panel<5>, active_panel<6>, active_panel<7>};
#else
    active_panel<4>};
#endif

struct Shape {
  int64_t widest, blocks;  // vectors in a panel; blocks of rows of M
};

Shape shape_of(const BinaryMatmul& job, int64_t rows, int64_t vectors) {
  const int64_t summed = std::max<int64_t>(1, job.last_row() - job.first_row());
  // One panel that nearly fits beats two that do: half as many loops.
  if (vectors <= kWidest && 2 * vectors * 64 * summed <= 3 * kLevel1Bytes) return {kWidest, 1};
  const int64_t fitting = kLevel1Bytes / (64 * summed);
  if (fitting >= 3) return {std::min<int64_t>(fitting, kWidest), 1};
  if (rows < kBlockedRows) return {kWidest, 1};
  return {kBlockWidest, std::max<int64_t>(1, (summed + kBlockRows / 2) / kBlockRows)};
}

}  // namespace

void binary_matmul(const BinaryMatmul& job, int64_t begin, int64_t end) {
  if (job.method == BinaryProduct::kTables) {
    for (int64_t c = job.first_column; c < job.last_column; c += 16)
      table_panel(job, begin, end, c);
    return;
  }
  const int64_t vectors = (job.last_column - job.first_column + 15) / 16;
  const Shape shape = shape_of(job, end - begin, vectors);
  const int64_t panels = (vectors + shape.widest - 1) / shape.widest;
  const ActiveLists lists(job, begin, end, shape.blocks);
  for (int64_t p = 0; p < panels; ++p) {
    const int64_t first = vectors * p / panels, last = vectors * (p + 1) / panels;
    kPanels[last - first](job, begin, end, job.first_column + 16 * first, lists);
  }
}

void merge_row(float* out, const float* other, const float* bias, int64_t padded_cols) {
  for (int64_t c = 0; c < padded_cols; c += 16) {
    const f32x16 sum = load(out + c) + load(other + c);
    store(out + c, bias ? sum + load(bias + c) : sum);
  }
}

}  // namespace gibbslab::cpu::GIBBSLAB_ISA
