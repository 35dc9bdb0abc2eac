#include "csrc/ops/units.h"

#include <algorithm>
#include <vector>

#include "csrc/core/thread_pool.h"
#include "csrc/core/unit_formulas.h"
#include "csrc/cpu/cpu_ops.h"
#include "csrc/cpu/shares.h"

namespace gibbslab::cpu {
namespace {

// The natural parameters of one row.
struct RowInput {
  const float *product, *bias;
  double scale, bias_scale;

  RowInput(const UnitInput& input, int64_t r)
      : product(input.product ? input.product->row(r) : nullptr),
        bias(input.bias->data()),
        scale(input.scale),
        bias_scale(input.bias_scale) {}
  double operator()(int64_t c) const {
    const double coupled = product ? scale * product[c] : 0.0;
    return coupled + bias_scale * bias[c];
  }
};

double variance_of(const Units& units, int64_t c) {
  return units.variance ? units.variance->data()[c] : 1.0;
}

// The columns first ... first + K - 1 of one categorical unit.
void activate_group(const UnitType& type, const RowInput& input, UnitAddress at, float* mean,
                    float* sample) {
  const int64_t first = at.col;
  const auto eta = [&](int64_t k) { return input(first + k); };
  if (mean != nullptr) {
    const double top = largest_input(eta, type.count);
    const double sum = exponential_sum(eta, type.count, top);
    for (int64_t k = 0; k < type.count; ++k)
      mean[first + k] = static_cast<float>(exp(eta(k) - top) / sum);
  }
  if (sample == nullptr) return;
  std::fill_n(sample + first, type.count, 0.0f);
  sample[first + categorical_sample(eta, type.count, wide_uniform(element_of(at), at.draw))] = 1.0f;
}

void activate_row(const Units& units, const RowInput& input, UnitAddress at, float* mean,
                  float* sample) {
  const UnitType& type = units.type;
  if (type.kind == UnitKind::kCategorical) {
    for (at.col = 0; at.col < at.cols; at.col += type.count)
      activate_group(type, input, at, mean, sample);
    return;
  }
  for (at.col = 0; at.col < at.cols; ++at.col) {
    const double eta = input(at.col), variance = variance_of(units, at.col);
    if (mean) mean[at.col] = static_cast<float>(unit_mean(type, eta, variance));
    if (sample) sample[at.col] = static_cast<float>(unit_sample(type, eta, variance, at));
  }
}

double log_normaliser_row(const Units& units, const RowInput& input, int64_t cols) {
  const UnitType& type = units.type;
  double sum = 0.0;
  if (type.kind == UnitKind::kCategorical) {
    for (int64_t c = 0; c < cols; c += type.count)
      sum += categorical_log_normaliser([&](int64_t k) { return input(c + k); }, type.count);
    return sum;
  }
  for (int64_t c = 0; c < cols; ++c)
    sum += unit_log_normaliser(type, input(c), variance_of(units, c));
  return sum;
}

struct CpuUnits : UnitOps {
  void activate(const Context& ctx, const Units& units, const UnitInput& input, const Draw& draw,
                Tensor* mean, Tensor* sample) override {
    const Tensor* out = mean ? mean : sample;
    if (out == nullptr) return;
    for_rows(ctx.threads(), out->rows(), 8, [&](int64_t r) {
      activate_row(units, RowInput(input, r), {draw, r, 0, out->cols()},
                   mean ? mean->row(r) : nullptr, sample ? sample->row(r) : nullptr);
    });
  }

  void log_normaliser(const Context& ctx, const Units& units, const UnitInput& input, int64_t rows,
                      double* out) override {
    for_rows(ctx.threads(), rows, 8, [&](int64_t r) {
      out[r] = log_normaliser_row(units, RowInput(input, r), input.bias->cols());
    });
  }

  void log_base(const Context& ctx, const Units& units, const Tensor& x, double* out) override {
    for_rows(ctx.threads(), x.rows(), 8, [&](int64_t r) {
      out[r] = 0.0;
      for (int64_t c = 0; c < x.cols(); ++c)
        out[r] += unit_log_base(units.type, x.row(r)[c], variance_of(units, c));
    });
  }

  void row_dots(const Context& ctx, const Tensor& x, const Tensor& y, double* out) override {
    for_rows(ctx.threads(), x.rows(), 8, [&](int64_t r) {
      out[r] = 0.0;
      for (int64_t c = 0; c < x.cols(); ++c) out[r] += double{x.row(r)[c]} * y.row(r)[c];
    });
  }

  void column_dots(const Context&, const Tensor& x, const Tensor& y, Tensor& out) override {
    std::vector<double> sums(static_cast<size_t>(x.cols()), 0.0);
    for (int64_t r = 0; r < x.rows(); ++r)
      for (int64_t c = 0; c < x.cols(); ++c) sums[c] += double{x.row(r)[c]} * y.row(r)[c];
    std::copy(sums.begin(), sums.end(), out.data());
  }

  void divide(const Context&, const Tensor& x, const Tensor* rows, const Tensor* cols,
              Tensor& out) override {
    for (int64_t r = 0; r < x.rows(); ++r)
      for (int64_t c = 0; c < x.cols(); ++c)
        out.row(r)[c] =
            quotient(x.row(r)[c], rows ? rows->data()[r] : 1.0f, cols ? cols->data()[c] : 1.0f);
  }
};

}  // namespace

UnitOps& unit_ops() {
  static CpuUnits ops;
  return ops;
}

}  // namespace gibbslab::cpu
