#include "csrc/nn/fused.h"

#include "csrc/core/error.h"
#include "csrc/nn/twin.h"

namespace gibbslab::nn {
namespace {

Variable subtract(const Variable& a, const Variable& b) {
  return combine(Arithmetic::kSubtract, a, b);
}
Variable log(const Variable& x) { return map({FunctionKind::kLog, 0.0f}, x); }
Variable exp(const Variable& x) { return map({FunctionKind::kExp, 0.0f}, x); }
Variable complement(const Variable& x) { return affine(x, -1.0, 1.0); }
Variable square(const Variable& x) { return multiply(x, x); }

void dense_backward(Function f, Backprop& step) {
  const Context& ctx = step.gradient().context();
  const Variable x = step.input(0), w = step.input(1);
  const Tensor dz = before_activation(f, step);
  const auto room = [&](size_t i, int64_t rows, int64_t cols) {
    return i < step.inputs() && step.needs(i) ? ops::zeros(ctx, rows, cols) : Tensor();
  };
  Tensor dx = room(0, x.rows(), x.cols()), dw = room(1, w.rows(), w.cols()),
         db = room(2, 1, w.rows());
  DenseBackward job;
  job.dz = &dz;
  job.x = &x.value();
  job.weight = &w.value();
  if (step.needs(0)) job.out = &dx;
  if (step.needs(1)) job.weight_gradient = &dw;
  if (step.inputs() > 2 && step.needs(2)) job.bias_gradient = &db;
  ops::dense_backward(ctx, job);
  if (step.needs(0)) step.give(0, {ctx, dx});
  if (step.needs(1)) step.give(1, {ctx, dw});
  if (step.inputs() > 2) step.give(2, {ctx, db});
}

// The elements of a loss.
Variable plain_terms(LossKind kind, const LossOperands& of) {
  const Variable &a = of.prediction, &b = of.log_variance, &t = of.target;
  switch (kind) {
    case LossKind::kSquaredError:
      return square(subtract(a, t));
    case LossKind::kBernoulli:
      return affine(add(multiply(t, log(a)), multiply(complement(t), log(complement(a)))), -1.0);
    case LossKind::kBernoulliLogits:
      return subtract(map({FunctionKind::kSoftplus, 0.0f}, a), multiply(t, a));
    case LossKind::kGaussian:
      return affine(add(b, multiply(square(subtract(a, t)), exp(affine(b, -1.0)))), 0.5,
                    0.5 * 1.8378770664093454);
    case LossKind::kKl:
      break;
  }
  return affine(add(square(a), subtract(exp(b), b)), 0.5, -0.5);
}

std::vector<Variable> present(const LossOperands& of) {
  std::vector<Variable> out{of.prediction};
  for (const Variable& x : {of.log_variance, of.target})
    if (x) out.push_back(x);
  return out;
}

LossOperands operands(LossKind kind, const std::vector<Variable>& inputs) {
  LossOperands out{inputs[0], {}, {}};
  if (has_log_variance(kind)) out.log_variance = inputs[1];
  if (has_target(kind)) out.target = inputs.back();
  return out;
}

void require_operands(LossKind kind, const LossOperands& of) {
  require(static_cast<bool>(of.log_variance) == has_log_variance(kind), "loss",
          [] { return "log_variance is for the losses that have one"; });
  require(static_cast<bool>(of.target) == has_target(kind), "loss",
          [] { return "target is for the losses that have one"; });
  for (const Variable& x : present(of))
    require(&x.context().backend() == &of.prediction.context().backend(), "loss",
            [] { return "all operands must lie on one device"; });
}

}  // namespace

Variable plain_dense(const Variable& x, const Variable& weight, const Variable& bias, Function f) {
  const Variable product = matmul(x, false, weight, true);
  return map(f, bias ? add(product, bias) : product);
}

Variable dense(const Variable& x, const Variable& weight, const Variable& bias, Function f) {
  const Context& ctx = x.context();
  for (const Variable& y : {weight, bias})
    require(!y || &y.context().backend() == &ctx.backend(), "dense",
            [] { return "x and the parameters must lie on one device"; });
  Tensor out = ops::zeros(ctx, x.rows(), weight.rows());
  ops::dense(ctx, {&x.value(), &weight.value(), bias ? &bias.value() : nullptr, f, &out});
  std::vector<Variable> inputs{x, weight};
  if (bias) inputs.push_back(bias);
  return {out, inputs, [f](Backprop& step) {
            if (!step.differentiable()) return dense_backward(f, step);
            through_twin(step, [f](const std::vector<Variable>& of) {
              return plain_dense(of[0], of[1], of.size() > 2 ? of[2] : Variable(), f);
            });
          }};
}

Variable plain_loss(LossKind kind, const LossOperands& of, double scale) {
  require_operands(kind, of);
  return sum_to(plain_terms(kind, of), 1, 1, scale);
}

Variable loss(LossKind kind, const LossOperands& of, double scale) {
  require_operands(kind, of);
  const Context& ctx = of.prediction.context();
  const int64_t n = of.prediction.rows(), cols = of.prediction.cols();
  Tensor rows = ops::zeros(ctx, n, 1), da = ops::zeros(ctx, n, cols), db;
  Loss job;
  job.kind = kind;
  job.prediction = &of.prediction.value();
  if (of.log_variance) {
    db = ops::zeros(ctx, n, cols);
    job.log_variance = &of.log_variance.value();
    job.log_variance_gradient = &db;
  }
  if (of.target) job.target = &of.target.value();
  job.rows = &rows;
  job.gradient = &da;
  job.scale = static_cast<float>(scale);
  ops::loss(ctx, job);
  Tensor total = ops::zeros(ctx, 1, 1);
  ops::sum_to(ctx, rows, scale, total);
  return {total, present(of), [kind, scale, da, db](Backprop& step) {
            const size_t last = step.inputs() - 1;
            if (step.differentiable() || (has_target(kind) && step.needs(last)))
              return through_twin(step, [kind, scale](const std::vector<Variable>& inputs) {
                return plain_loss(kind, operands(kind, inputs), scale);
              });
            const Variable& g = step.gradient();
            if (step.needs(0)) step.give(0, multiply({g.context(), da}, g));
            if (has_log_variance(kind) && step.needs(1))
              step.give(1, multiply({g.context(), db}, g));
          }};
}

}  // namespace gibbslab::nn
