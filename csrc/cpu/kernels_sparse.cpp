// Products with a matrix that is mostly zeros, as images are: out (R, J) = A B, from lists of what
// is not zero in each row of A. One multiple of a row of B for each, sums of a panel of J in
// registers. What is left out adds nothing: the sums are those of the dense product, bit for bit,
// as far as that makes them in one piece.
#include <algorithm>

#include "csrc/core/faults.h"
#include "csrc/cpu/kernels_impl.h"
#include "csrc/cpu/nonzeros.h"
#include "csrc/cpu/register_sums.h"

namespace gibbslab::cpu::GIBBSLAB_ISA {
namespace {

template <int N>
void multiply_panel(const SparseProduct& job, int64_t column) {
  for (int64_t r = 0; r < job.rows; ++r) {
    const uint32_t* at = job.a.at + r * job.a.room;
    const float* value = job.a.value + r * job.a.room;
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

}  // namespace

void list_nonzeros(const float* row, int64_t cols, int64_t step, const NonzeroRows& out) {
  uint32_t count = 0;
  for (int64_t c = 0; c < cols; c += 16) {
    const f32x16 x = load(row + c);
    const uint32_t mask = not_zero_mask(x) & lanes_left(cols - c);
    count += append(mask, x, c, step, out.at + count, out.value + count);
  }
  *out.counts = fault("last_nonzero_left_out") && count > 0 ? count - 1 : count;
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
