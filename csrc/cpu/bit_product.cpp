#include "csrc/cpu/bit_product.h"

namespace gibbslab::cpu {
namespace {

// Above this share of ones, lookup tables beat adding the active rows, and the more rows share the
// cost of building them, the sooner: measured on Zen 4, 0.28 for 500 rows, 0.34 for 100, 0.38
// for 64.
constexpr double kTableDensity = 0.27, kTableBuilding = 7.0;
// Words of visible states from which on an up pass is summed in two halves.
constexpr int64_t kHalvedWords = 8;

}  // namespace

BinaryProduct choose_method(const BitTensor& x, int64_t rows) {
  const double density =
      static_cast<double>(kernels().count_ones(x.row(0), x.rows() * x.words_per_row())) /
      (static_cast<double>(x.rows()) * x.cols());
  return density > kTableDensity + kTableBuilding / static_cast<double>(rows)
             ? BinaryProduct::kTables
             : BinaryProduct::kActiveRows;
}

BitProduct::BitProduct(const Context& ctx, const HalfStep& step, const Tensor& factor,
                       const Tensor* bias, Tensor& pre)
    : x_(step.input->bits()),
      factor_(factor),
      bias_(bias),
      pre_(pre),
      scale_(step.scale),
      method_(choose_method(x_, x_.rows())),
      middle_(x_.words_per_row() / 2),
      halves_(step.direction == Direction::kUp && x_.words_per_row() >= kHalvedWords) {
  if (!halves_) return;
  second_ = Tensor::empty(pre.rows(), pre.cols());
  made_ = ctx.threads() == 2 && step.weights->trained() && balanced();
  const Block all{0, pre.rows(), 0, pre.cols()};
  if (made_) parallel_for(2, 2, [&](int64_t half) { make_half(half, all); });
}

void BitProduct::finish(const Block& block) {
  if (!halves_) {
    multiply(block, pre_, bias_, 0, x_.words_per_row());
    return;
  }
  for (int64_t half = 0; half < 2 && !made_; ++half) make_half(half, block);
  const int64_t c = block.column, padded = round_up(block.column_end - c, kLanes);
  for (int64_t r = block.row; r < block.row_end; ++r)
    kernels().merge_row(pre_.row(r) + c, second_.row(r) + c, bias_ ? bias_->data() + c : nullptr,
                        padded);
}

void BitProduct::make_half(int64_t half, const Block& block) {
  if (half == 0)
    multiply(block, pre_, nullptr, 0, middle_);
  else
    multiply(block, second_, nullptr, middle_, x_.words_per_row());
}

void BitProduct::multiply(const Block& block, Tensor& out, const Tensor* bias, int64_t first_word,
                          int64_t last_word) {
  kernels().binary_matmul({&x_, &factor_, bias, &out, 0, scale_, false, method_, block.column,
                           block.column_end, first_word, last_word},
                          block.row, block.row_end);
}

// Whether neither half has far more ones, by a look at every fourth row.
bool BitProduct::balanced() const {
  int64_t ones[2] = {0, 0};
  for (int64_t r = 0; r < x_.rows(); r += 4) {
    ones[0] += kernels().count_ones(x_.row(r), middle_);
    ones[1] += kernels().count_ones(x_.row(r) + middle_, x_.words_per_row() - middle_);
  }
  return 5 * std::max(ones[0], ones[1]) <= 3 * (ones[0] + ones[1]);
}

}  // namespace gibbslab::cpu
