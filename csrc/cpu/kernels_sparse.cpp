// Products with a matrix that is mostly zeros, as images are: out (R, J) = A B, from lists of what
// is not zero in each row of A. One multiple of a row of B for each, sums of a panel of J in
// registers. What is left out adds nothing: the sums are those of the dense product, bit for bit,
// as far as that makes them in one piece.
#include <algorithm>

#include "csrc/core/faults.h"
#include "csrc/cpu/kernels_impl.h"
#include "csrc/cpu/nonzeros.h"
#include "csrc/cpu/register_sums.h"
#include "csrc/cpu/tile.h"

namespace gibbslab::cpu::GIBBSLAB_ISA {
namespace {

template <int N>
void multiply_panel(const SparseProduct& job, int64_t column) {
  for (int64_t r = 0; r < job.rows; ++r) {
    const uint32_t* at = job.a.at + job.a.starts[r];
    const float* value = job.a.value + job.a.starts[r];
    Sums<N> sum;
    for (int64_t i = 0; i < job.a.counts[r]; ++i)
      add_multiple<N>(sum, value[i], job.b + column + at[i]);
    store_sums<N>(sum, job.out + r * job.out_stride + column);
  }
}

using PanelFunction = void (*)(const SparseProduct&, int64_t);
constexpr PanelFunction kPanels[] = {
    nullptr,           multiply_panel<1>, multiply_panel<2>, multiply_panel<3>,
#if defined(__AVX512F__)
    multiply_panel<4>, multiply_panel<5>, multiply_panel<6>, multiply_panel<7>};
#else
    multiply_panel<4>};
#endif

// Appends what is not zero in rows r ... r + 15 of columns c ... c + 15, those before `end`, to
// lists that go on at next[0 ... 15].
void list_tile(const ListNonzeros& job, int64_t r, int64_t c, int64_t end, int64_t* next) {
  const int64_t rows = std::min<int64_t>(16, job.rows - r);
  const int64_t columns = std::min<int64_t>(16, end - c);
  f32x16 tile[16];
  load_tile(job.x + r * job.stride + c, job.stride, rows, tile);
  transpose_tile(tile);
  for (int64_t j = 0; j < columns; ++j) {
    const uint32_t mask = not_zero_mask(tile[j]) & lanes_left(rows);
    next[j] += append(mask, tile[j], r, job.step, job.out.at + next[j], job.out.value + next[j]);
  }
}

// Counts of lists: all that was found, but for a planted fault.
int64_t listed(int64_t count) {
  return fault("last_nonzero_left_out") && count > 0 ? count - 1 : count;
}

}  // namespace

// Row after row: what one leaves of sixteen places is the next one's.
void list_rows(const ListNonzeros& job) {
  int64_t next = job.first;
  for (int64_t r = 0; r < job.rows; ++r) {
    const float* row = job.x + r * job.stride;
    job.out.starts[r] = next;
    for (int64_t c = 0; c < job.cols; c += 16) {
      const f32x16 x = load(row + c);
      const uint32_t mask = not_zero_mask(x) & lanes_left(job.cols - c);
      next += append(mask, x, c, job.step, job.out.at + next, job.out.value + next);
    }
    job.out.counts[r] = listed(next - job.out.starts[r]);
  }
}

// By tiles: the transpose itself is never written. Some tiles of a row's at a time, for rows lie
// far apart.
void list_columns(const ListNonzeros& job) {
  constexpr int64_t kAtOnce = 64;
  const int64_t room = column_room(job.rows);
  for (int64_t first = 0; first < job.cols; first += kAtOnce) {
    const int64_t end = std::min(job.cols, first + kAtOnce);
    int64_t next[kAtOnce];
    for (int64_t c = first; c < end; ++c)
      job.out.starts[c] = next[c - first] = job.first + c * room;
    for (int64_t r = 0; r < job.rows; r += 16)
      for (int64_t c = first; c < end; c += 16) list_tile(job, r, c, end, next + c - first);
    for (int64_t c = first; c < end; ++c)
      job.out.counts[c] = listed(next[c - first] - job.out.starts[c]);
  }
}

void sparse_product(const SparseProduct& job) {
  const int64_t vectors = (job.cols + 15) / 16, panels = (vectors + kWidest - 1) / kWidest;
  for (int64_t p = 0; p < panels; ++p) {
    const int64_t first = vectors * p / panels, last = vectors * (p + 1) / panels;
    kPanels[last - first](job, 16 * first);
  }
  for (int64_t r = 0; r < job.rows; ++r) {
    float* out = job.out + r * job.out_stride;
    std::fill(out + job.cols, out + 16 * vectors, 0.0f);
  }
}

}  // namespace gibbslab::cpu::GIBBSLAB_ISA
