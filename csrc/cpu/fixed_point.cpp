#include "csrc/cpu/fixed_point.h"
#include "csrc/cpu/shares.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>

#include "csrc/core/fixed_point.h"

namespace gibbslab::cpu {
namespace {

constexpr int64_t kRowsOfWeights = 16;  // that one task takes
constexpr int64_t kMostNarrow = 256;    // numbers of at most 8355711 that an int32 can sum

uint32_t largest_magnitude(const Tensor& w, int64_t begin, int64_t end) {
  uint32_t largest = 0;
  for (int64_t r = begin; r < end; ++r)
    for (int64_t c = 0; c < w.cols(); ++c)
      largest = std::max(largest, std::bit_cast<uint32_t>(w.row(r)[c]) & 0x7FFFFFFFu);
  return largest;
}

void raise(std::atomic<uint32_t>& to, uint32_t value) {
  uint32_t before = to;
  while (before < value && !to.compare_exchange_weak(before, value)) {
  }
}

// The units that are on, of one row.
void list_active(const BitTensor& x, int64_t row, std::vector<int64_t>& active) {
  active.clear();
  for (int64_t w = 0; w < x.words_per_row(); ++w)
    for (uint64_t word = x.row(row)[w]; word != 0; word &= word - 1)
      active.push_back(64 * w + std::countr_zero(word));
}

void add(const int32_t* __restrict__ from, int64_t n, int32_t* __restrict__ to) {
  for (int64_t c = 0; c < n; ++c) to[c] += from[c];
}

}  // namespace

FixedPointWeights::FixedPointWeights(const Context& ctx, const Tensor& w)
    : inputs_(w.rows()), units_(w.cols()), whole_(static_cast<size_t>(w.rows() * w.cols())) {
  std::atomic<uint32_t> found{0};
  for_pieces(ctx.threads(), inputs_, kRowsOfWeights,
             [&](int64_t begin, int64_t end) { raise(found, largest_magnitude(w, begin, end)); });
  exponent_ = step_exponent(found);
  spoiled_ = std::bit_cast<float>(found.load()) * 0.0f;
  if (spoiled_ != 0.0f) return;
  const float per_step = power_of_two(-exponent_);
  for_rows(ctx.threads(), inputs_, kRowsOfWeights, [&](int64_t r) {
    for (int64_t c = 0; c < units_; ++c)
      whole_[static_cast<size_t>(r * units_ + c)] =
          static_cast<int32_t>(std::nearbyintf(w.row(r)[c] * per_step));
  });
}

void FixedPointWeights::multiply(const BitTensor& x, float scale, const Tensor* bias, Tensor& pre,
                                 int64_t row, int64_t row_end, int64_t column,
                                 int64_t column_end) const {
  const int64_t n = column_end - column;
  std::vector<int64_t> active, sums(static_cast<size_t>(n));
  std::vector<int32_t> part(static_cast<size_t>(n));
  for (int64_t r = row; r < row_end; ++r) {
    list_active(x, r, active);
    std::fill(sums.begin(), sums.end(), 0);
    const int64_t count = static_cast<int64_t>(active.size());
    for (int64_t first = 0; first < count; first += kMostNarrow) {
      std::fill(part.begin(), part.end(), 0);
      for (int64_t i = first; i < std::min(count, first + kMostNarrow); ++i)
        add(whole_.data() + active[static_cast<size_t>(i)] * units_ + column, n, part.data());
      for (size_t c = 0; c < sums.size(); ++c) sums[c] += part[c];
    }
    for (int64_t c = 0; c < n; ++c)
      pre.row(r)[column + c] =
          std::fma(sum_of_steps(sums[static_cast<size_t>(c)], exponent_, spoiled_), scale,
                   bias != nullptr ? bias->data()[column + c] : 0.0f);
    if (column_end == pre.cols())
      std::fill(pre.row(r) + column_end, pre.row(r) + pre.stride(), 0.0f);
  }
}

}  // namespace gibbslab::cpu
