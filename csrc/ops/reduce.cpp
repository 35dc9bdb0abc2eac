#include "csrc/ops/reduce.h"

#include <algorithm>
#include <cmath>

#include "csrc/core/error.h"
#include "csrc/ops/backend.h"

namespace gibbslab::ops {
namespace {

void require_columns(const char* op, const char* name, int64_t cols, int64_t expected) {
  require(cols == expected, op, [&] {
    return std::string(name) + " must have " + std::to_string(expected) + " columns, got " +
           std::to_string(cols);
  });
}

}  // namespace

void column_sums(const Context& ctx, const States& x, float scale, bool accumulate, Tensor& out) {
  require_columns("column_sums", "out", out.cols(), x.cols());
  ctx.backend().reduce.column_sums(ctx, x, scale, accumulate, out);
}

bool all_finite(const Context& ctx, const Tensor& x) {
  const bool on_host = x.memory().on_host();
  const Tensor rows = on_host && !x.padded() ? x.clone() : x;
  Tensor sums = zeros(ctx, 1, x.cols());
  // In float64 and scaled down, a sum of finite floats cannot overflow; any other term shows in it.
  column_sums(ctx, rows, 0x1p-64f, false, sums);
  const Tensor here = sums.to(host_memory());
  return std::all_of(here.data(), here.data() + here.cols(),
                     [](float sum) { return std::isfinite(sum); });
}

void free_energy(const Context& ctx, const RbmView& rbm, const States& v, double* out) {
  require_columns("free_energy", "v", v.cols(), rbm.weights->rows());
  ctx.backend().reduce.free_energy(ctx, rbm, v, out);
}

void energy(const Context& ctx, const RbmView& rbm, const States& v, const States& h, double* out) {
  require_columns("energy", "v", v.cols(), rbm.weights->rows());
  require_columns("energy", "h", h.cols(), rbm.weights->cols());
  require(v.rows() == h.rows(), "energy", [&] {
    return "h must have as many rows as v (" + std::to_string(v.rows()) + "), got " +
           std::to_string(h.rows());
  });
  ctx.backend().reduce.energy(ctx, rbm, v, h, out);
}

void pseudo_likelihood(const Context& ctx, const RbmView& rbm, const BitTensor& v, double* out) {
  require_columns("pseudo_likelihood", "v", v.cols(), rbm.weights->rows());
  ctx.backend().reduce.pseudo_likelihood(ctx, rbm, v, out);
}

void softplus_difference(const Context& ctx, const Tensor& x, float low, float high, double* out) {
  require(low >= 0.0f && high >= 0.0f, "softplus_difference",
          [&] { return "low and high must be at least 0"; });
  ctx.backend().reduce.softplus_difference(ctx, x, low, high, out);
}

void weighted_sums(const Context& ctx, const States& x, const Tensor& weights, double scale,
                   double* out) {
  require_columns("weighted_sums", "weights", weights.cols(), x.cols());
  require(weights.rows() == 1 || weights.rows() == x.rows(), "weighted_sums", [&] {
    return "weights must have 1 or " + std::to_string(x.rows()) + " rows, got " +
           std::to_string(weights.rows());
  });
  ctx.backend().reduce.weighted_sums(ctx, x, weights, scale, out);
}

void largest_differences(const Context& ctx, const Tensor& x, const Tensor& y, double* out) {
  require(x.rows() == y.rows() && x.cols() == y.cols(), "largest_differences", [&] {
    return "y must have shape " + shape_string(x.rows(), x.cols()) + ", got " +
           shape_string(y.rows(), y.cols());
  });
  ctx.backend().reduce.largest_differences(ctx, x, y, out);
}

double dot(const Context& ctx, const Tensor& x, const Tensor& y) {
  require_columns("dot", "y", y.cols(), x.cols());
  return ctx.backend().reduce.dot(ctx, x, y);
}

double log_partition(const Context& ctx, const RbmView& rbm) {
  const int64_t smaller = std::min(rbm.weights->rows(), rbm.weights->cols());
  require(smaller <= kMaxEnumerated, "log_partition", [&] {
    return "the smaller layer must have at most " + std::to_string(kMaxEnumerated) +
           " units to be enumerated, got " + std::to_string(smaller) +
           "; estimate with ais() instead";
  });
  return ctx.backend().reduce.log_partition(ctx, rbm);
}

}  // namespace gibbslab::ops
