#include "csrc/ops/units.h"

#include <string>
#include <vector>

#include "csrc/core/error.h"
#include "csrc/ops/backend.h"
#include "csrc/ops/shapes.h"

namespace gibbslab::ops {
namespace {

void require_type(const char* op, const Units& units, int64_t cols) {
  const UnitType& type = units.type;
  const bool counted = type.kind == UnitKind::kCategorical || type.kind == UnitKind::kBinomial;
  require(!counted || type.count >= 1, op, [&] { return "count must be at least 1"; });
  require(type.kind != UnitKind::kCategorical || cols % type.count == 0, op, [&] {
    return "columns must be a multiple of " + std::to_string(type.count) + " states, got " +
           std::to_string(cols);
  });
  require(type.kind != UnitKind::kBinomial || type.count <= kMostTrials, op, [&] {
    return "trials must be at most " + std::to_string(kMostTrials) + ", got " +
           std::to_string(type.count);
  });
  if (type.kind != UnitKind::kGaussian) return;
  require(type.stiffness > 0.0, op, [&] { return "beta must be above 0 for Gaussian units"; });
  require(units.variance != nullptr, op, [&] { return "variance must be given"; });
  require_shape(op, "variance", *units.variance, 1, cols);
}

void require_input(const char* op, const Units& units, const UnitInput& input) {
  const int64_t cols = input.bias->cols();
  require_type(op, units, cols);
  require_shape(op, "bias", *input.bias, 1, cols);
  if (input.product) require_shape(op, "product", *input.product, input.product->rows(), cols);
}

template <class Fill>
void add_rows(int64_t rows, double factor, double* out, const Fill& fill) {
  std::vector<double> sums(static_cast<size_t>(rows));
  fill(sums.data());
  for (size_t r = 0; r < sums.size(); ++r) out[r] += factor * sums[r];
}

}  // namespace

void activate_units(const Context& ctx, const Units& units, const UnitInput& input,
                    const Draw& draw, Tensor* mean, Tensor* sample) {
  require_input("activate_units", units, input);
  for (const Tensor* out : {mean, sample})
    if (out != nullptr)
      require_shape("activate_units", out == mean ? "mean" : "sample", *out,
                    input.product ? input.product->rows() : out->rows(), input.bias->cols());
  ctx.backend().units.activate(ctx, units, input, draw, mean, sample);
}

void units_log_normaliser(const Context& ctx, const Units& units, const UnitInput& input,
                          double factor, double* out) {
  require_input("units_log_normaliser", units, input);
  const int64_t rows = input.product ? input.product->rows() : 1;
  add_rows(rows, factor, out, [&](double* sums) {
    ctx.backend().units.log_normaliser(ctx, units, input, rows, sums);
  });
}

void units_log_base(const Context& ctx, const Units& units, const Tensor& x, double factor,
                    double* out) {
  require_type("units_log_base", units, x.cols());
  add_rows(x.rows(), factor, out,
           [&](double* sums) { ctx.backend().units.log_base(ctx, units, x, sums); });
}

void row_dots(const Context& ctx, const Tensor& x, const Tensor& y, double factor, double* out) {
  require_shape("row_dots", "y", y, x.rows(), x.cols());
  add_rows(x.rows(), factor, out,
           [&](double* sums) { ctx.backend().units.row_dots(ctx, x, y, sums); });
}

void column_dots(const Context& ctx, const Tensor& x, const Tensor& y, Tensor& out) {
  require_shape("column_dots", "y", y, x.rows(), x.cols());
  require_shape("column_dots", "out", out, 1, x.cols());
  ctx.backend().units.column_dots(ctx, x, y, out);
}

void divide_by(const Context& ctx, const Tensor& x, const Tensor* rows, const Tensor* cols,
               Tensor& out) {
  require_shape("divide_by", "out", out, x.rows(), x.cols());
  if (rows) require_shape("divide_by", "rows", *rows, 1, x.rows());
  if (cols) require_shape("divide_by", "cols", *cols, 1, x.cols());
  ctx.backend().units.divide(ctx, x, rows, cols, out);
}

}  // namespace gibbslab::ops
