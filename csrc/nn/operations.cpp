#include "csrc/nn/operations.h"

#include <algorithm>

#include "csrc/core/error.h"
#include "csrc/core/faults.h"
#include "csrc/ops/backend.h"

namespace gibbslab::nn {
namespace {

Variable with_function(FunctionKind kind, const Variable& x, float alpha = 0.0f) {
  return map({kind, alpha}, x);
}

// The derivative of a function, as an expression that can be differentiated.
Variable slope(Function f, const Variable& x, const Variable& y) {
  switch (f.kind) {
    case FunctionKind::kIdentity:
      return filled(x.context(), 1, 1, 1.0f);
    case FunctionKind::kExp:
      return y;
    case FunctionKind::kLog:
      return combine(Arithmetic::kDivide, filled(x.context(), 1, 1, 1.0f), x);
    case FunctionKind::kSquareRoot:
      return combine(Arithmetic::kDivide, filled(x.context(), 1, 1, 0.5f), y);
    case FunctionKind::kSoftplus:
      return with_function(FunctionKind::kSigmoid, x);
    case FunctionKind::kSigmoid:
      return multiply(y, affine(y, -1.0, 1.0));
    case FunctionKind::kTanh:
      return affine(multiply(y, y), -1.0, 1.0);
    case FunctionKind::kLeakyRelu:
      return with_function(FunctionKind::kStep, x, f.alpha);
    case FunctionKind::kElu:
      return with_function(FunctionKind::kEluSlope, x, f.alpha);
    case FunctionKind::kEluSlope:
    case FunctionKind::kEluCurve:
      return with_function(FunctionKind::kEluCurve, x, f.alpha);
    case FunctionKind::kStep:
      break;
  }
  return filled(x.context(), 1, 1, 0.0f);
}

int64_t common(int64_t a, int64_t b) { return a == 1 ? b : a; }

void require_one_device(const char* op, const Variable& a, const Variable& b) {
  const Backend &x = a.context().backend(), &y = b.context().backend();
  require(&x == &y, op, [&] {
    return "both operands must lie on one device, got '" + x.name + "' and '" + y.name + "'";
  });
}

void combine_backward(Arithmetic kind, Backprop& step) {
  const Variable& g = step.gradient();
  const Variable a = step.input(0), b = step.input(1);
  const auto give = [&](size_t i, const Variable& x, const Variable& like) {
    step.give(i, sum_to(x, like.rows(), like.cols()));
  };
  const bool product = kind == Arithmetic::kMultiply, quotient = kind == Arithmetic::kDivide;
  if (step.needs(0)) give(0, product || quotient ? combine(kind, g, b) : g, a);
  if (!step.needs(1)) return;
  if (product) return give(1, multiply(g, a), b);
  if (!quotient) return give(1, kind == Arithmetic::kAdd ? g : affine(g, -1.0), b);
  give(1, affine(combine(kind, multiply(g, step.output()), b), -1.0), b);
}

}  // namespace

Variable filled(const Context& ctx, int64_t rows, int64_t cols, float value) {
  Tensor out = ops::zeros(ctx, rows, cols);
  if (value != 0.0f) ops::linear(ctx, {0.0, &out, 0.0, nullptr, static_cast<double>(value)}, out);
  return {ctx, out};
}

Variable normal(const Context& ctx, int64_t rows, int64_t cols, const Draw& draw) {
  Tensor out = ops::zeros(ctx, rows, cols);
  ops::normal(ctx, draw, 0.0f, 1.0f, out);
  return {ctx, out};
}

Variable bernoulli(const Context& ctx, int64_t rows, int64_t cols, float p, const Draw& draw) {
  BitTensor bits = ops::zero_bits(ctx, rows, cols);
  ops::bernoulli(ctx, filled(ctx, 1, cols, p).value(), draw, bits);
  return {ctx, ops::unpacked(ctx, bits)};
}

Variable map(Function f, const Variable& x) {
  Tensor out = ops::zeros(x.context(), x.rows(), x.cols());
  ops::map(x.context(), f, x.value(), out);
  return {out, {x}, [f](Backprop& step) {
            const Variable& g = step.gradient();
            if (step.differentiable() || !is_activation(f.kind))
              return step.give(0, multiply(g, slope(f, step.input(0), step.output())));
            Tensor dx = ops::zeros(g.context(), g.rows(), g.cols());
            ops::times_slope(g.context(), f, step.output().value(), g.value(), dx);
            step.give(0, {g.context(), dx});
          }};
}

Variable combine(Arithmetic kind, const Variable& a, const Variable& b) {
  require_one_device("combine", a, b);
  Tensor out = ops::zeros(a.context(), common(a.rows(), b.rows()), common(a.cols(), b.cols()));
  ops::combine(a.context(), kind, a.value(), b.value(), out);
  return {out, {a, b}, [kind](Backprop& step) { combine_backward(kind, step); }};
}

Variable affine(const Variable& x, double p, double r) {
  Tensor out = ops::zeros(x.context(), x.rows(), x.cols());
  ops::linear(x.context(), {p, &x.value(), 0.0, nullptr, r}, out);
  return {out, {x}, [p](Backprop& step) { step.give(0, affine(step.gradient(), p)); }};
}

Variable identity(const Variable& x) {
  return {x.value(), {x}, [](Backprop& step) { step.give(0, step.gradient()); }};
}

Variable matmul(const Variable& a, bool ta, const Variable& b, bool tb) {
  require_one_device("matmul", a, b);
  const Context& ctx = a.context();
  Tensor out = ops::zeros(ctx, ta ? a.cols() : a.rows(), tb ? b.rows() : b.cols());
  ops::matmul(ctx, a.value(), ta, b.value(), tb, 1.0f, 0.0f, out);
  return {out, {a, b}, [ta, tb](Backprop& step) {
            const Variable& g = step.gradient();
            const Variable x = step.input(0), y = step.input(1);
            if (step.needs(0)) step.give(0, ta ? matmul(y, tb, g, true) : matmul(g, false, y, !tb));
            if (step.needs(1)) step.give(1, tb ? matmul(g, true, x, ta) : matmul(x, !ta, g, false));
          }};
}

Variable transpose(const Variable& x) {
  Tensor out = ops::zeros(x.context(), x.cols(), x.rows());
  ops::transpose(x.context(), x.value(), out);
  return {out, {x}, [](Backprop& step) { step.give(0, transpose(step.gradient())); }};
}

Variable sum_to(const Variable& x, int64_t rows, int64_t cols, double scale) {
  if (rows == x.rows() && cols == x.cols() && scale == 1.0) return x;
  Tensor out = ops::zeros(x.context(), rows, cols);
  ops::sum_to(x.context(), x.value(), scale, out);
  const int64_t r = x.rows(), c = x.cols();
  return {out, {x}, [r, c, scale](Backprop& step) {
            const Variable& g = step.gradient();
            step.give(0, broadcast_to(scale == 1.0 ? g : affine(g, scale), r, c));
          }};
}

Variable broadcast_to(const Variable& x, int64_t rows, int64_t cols) {
  if (rows == x.rows() && cols == x.cols()) return x;
  Tensor out = ops::zeros(x.context(), rows, cols);
  ops::combine(x.context(), Arithmetic::kAdd, x.value(), ops::zeros(x.context(), 1, 1), out);
  const int64_t r = x.rows(), c = x.cols();
  return {out, {x}, [r, c](Backprop& step) { step.give(0, sum_to(step.gradient(), r, c)); }};
}

Variable reshape(const Variable& x, int64_t rows, int64_t cols) {
  Tensor out = ops::zeros(x.context(), rows, cols);
  ops::reshape(x.context(), x.value(), out);
  const int64_t r = x.rows(), c = x.cols();
  return {out, {x}, [r, c](Backprop& step) { step.give(0, reshape(step.gradient(), r, c)); }};
}

Variable dropout(const Variable& x, float rate, const Draw& draw) {
  require(0.0f <= rate && rate < 1.0f, "dropout", [] { return "rate must be in [0, 1)"; });
  const Variable kept = bernoulli(x.context(), x.rows(), x.cols(), 1.0f - rate, draw);
  const double scale = fault("dropout_not_scaled") ? 1.0 : 1.0 / (1.0 - static_cast<double>(rate));
  return multiply(x, affine(kept, scale));
}

}  // namespace gibbslab::nn
