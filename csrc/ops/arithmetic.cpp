#include "csrc/ops/arithmetic.h"

#include "csrc/core/error.h"
#include "csrc/ops/backend.h"

namespace gibbslab::ops {
namespace {

bool broadcasts(int64_t size, int64_t to) { return size == to || size == 1; }

void require_same_shape(const char* op, const Tensor& x, const Tensor& out) {
  require(x.rows() == out.rows() && x.cols() == out.cols(), op, [&] {
    return "out must have the shape of x " + shape_string(x.rows(), x.cols()) + ", got " +
           shape_string(out.rows(), out.cols());
  });
}

}  // namespace

void map(const Context& ctx, Function f, const Tensor& x, Tensor& out) {
  require_same_shape("map", x, out);
  ctx.backend().arithmetic.map(ctx, f, x, out);
}

void combine(const Context& ctx, Arithmetic kind, const Tensor& a, const Tensor& b, Tensor& out) {
  for (const Tensor* x : {&a, &b})
    require(broadcasts(x->rows(), out.rows()) && broadcasts(x->cols(), out.cols()), "combine", [&] {
      return "operands must broadcast to " + shape_string(out.rows(), out.cols()) + ", got " +
             shape_string(x->rows(), x->cols());
    });
  ctx.backend().arithmetic.combine(ctx, kind, a, b, out);
}

void sum_to(const Context& ctx, const Tensor& x, double scale, Tensor& out) {
  require(broadcasts(out.rows(), x.rows()) && broadcasts(out.cols(), x.cols()), "sum_to", [&] {
    return "out must have 1 or " + std::to_string(x.rows()) + " rows and 1 or " +
           std::to_string(x.cols()) + " columns, got " + shape_string(out.rows(), out.cols());
  });
  if (out.cols() == x.cols() && out.rows() == x.rows())
    return linear(ctx, {scale, &x, 0.0, nullptr, 0.0}, out);
  if (out.cols() == x.cols()) return column_sums(ctx, x, static_cast<float>(scale), false, out);
  if (out.rows() == x.rows()) return ctx.backend().arithmetic.row_sums(ctx, x, scale, out);
  Tensor rows = zeros(ctx, x.rows(), 1);
  ctx.backend().arithmetic.row_sums(ctx, x, scale, rows);
  column_sums(ctx, rows, 1.0f, false, out);
}

void reshape(const Context& ctx, const Tensor& x, Tensor& out) {
  require(x.rows() * x.cols() == out.rows() * out.cols(), "reshape", [&] {
    return shape_string(x.rows(), x.cols()) + " cannot take the shape " +
           shape_string(out.rows(), out.cols());
  });
  ctx.backend().arithmetic.reshape(ctx, x, out);
}

}  // namespace gibbslab::ops
