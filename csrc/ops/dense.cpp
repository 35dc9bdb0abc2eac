#include "csrc/ops/dense.h"

#include "csrc/core/error.h"
#include "csrc/ops/backend.h"
#include "csrc/ops/shapes.h"

namespace gibbslab::ops {
namespace {

void require_activation(const char* op, Function f) {
  require(is_activation(f.kind), op, [] { return "the function must be an activation"; });
}

}  // namespace

void dense(const Context& ctx, const Dense& job) {
  const int64_t n = job.x->rows(), outputs = job.weight->rows();
  require(job.x->cols() == job.weight->cols(), "dense", [&] {
    return "x must have " + std::to_string(job.weight->cols()) + " columns, got shape " +
           shape_string(n, job.x->cols());
  });
  require_shape_if_given("dense", "bias", job.bias, 1, outputs);
  require_shape_if_given("dense", "out", job.out, n, outputs);
  require_activation("dense", job.activation);
  ctx.backend().dense.forward(ctx, job);
}

void dense_backward(const Context& ctx, const DenseBackward& job) {
  constexpr const char* op = "dense_backward";
  const int64_t n = job.dz->rows(), outputs = job.dz->cols(), inputs = job.weight->cols();
  require_shape_if_given(op, "weight", job.weight, outputs, inputs);
  require_shape_if_given(op, "x", job.x, n, inputs);
  require_shape_if_given(op, "weight_gradient", job.weight_gradient, outputs, inputs);
  require_shape_if_given(op, "bias_gradient", job.bias_gradient, 1, outputs);
  require_shape_if_given(op, "out", job.out, n, inputs);
  require_activation(op, job.below);
  ctx.backend().dense.backward(ctx, job);
}

void times_slope(const Context& ctx, Function f, const Tensor& y, const Tensor& dy, Tensor& out) {
  require_shape("times_slope", "y", y, out.rows(), out.cols());
  require_shape("times_slope", "dy", dy, out.rows(), out.cols());
  require_activation("times_slope", f);
  ctx.backend().dense.times_slope(ctx, f, y, dy, out);
}

}  // namespace gibbslab::ops
