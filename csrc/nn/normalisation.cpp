#include "csrc/nn/normalisation.h"

#include "csrc/core/error.h"
#include "csrc/nn/twin.h"

namespace gibbslab::nn {
namespace {

// x, then gamma and beta where they are.
NormParameters parameters_of(const std::vector<Variable>& inputs) {
  return inputs.size() > 1 ? NormParameters{inputs[1], inputs[2]} : NormParameters{};
}

void norm_backward(const NormLayer& layer, const Moments& moments, bool of_batch, Backprop& step) {
  const Context& ctx = step.gradient().context();
  const Variable x = step.input(0);
  const Variable y = step.output();
  const bool affine = step.inputs() > 1;
  const NormParameters parameters =
      affine ? NormParameters{step.input(1), step.input(2)} : NormParameters{};
  const int64_t channels = moments.mean.cols();
  Tensor dx, gamma = ops::zeros(ctx, 1, channels), beta = ops::zeros(ctx, 1, channels);
  BatchNormBackward job;
  job.dy = &step.gradient().value();
  job.y = &y.value();
  job.activation = layer.activation;
  job.x = &x.value();
  job.channels = channels_of(layer, parameters, moments);
  job.of_batch = of_batch;
  job.gamma_gradient = &gamma;
  job.beta_gradient = &beta;
  if (step.needs(0)) dx = ops::zeros(ctx, x.rows(), x.cols());
  if (step.needs(0)) job.out = &dx;
  ops::batch_norm_backward(ctx, job);
  if (step.needs(0)) step.give(0, {ctx, dx});
  if (affine && step.needs(1)) step.give(1, {ctx, gamma});
  if (affine && step.needs(2)) step.give(2, {ctx, beta});
}

Variable norm_with(const NormLayer& layer, const Variable& x, const NormParameters& parameters,
                   const Moments& moments, bool of_batch) {
  const Context& ctx = x.context();
  require_norm_operands(x, parameters, moments);
  std::vector<Variable> inputs{x};
  if (parameters.gamma) inputs.insert(inputs.end(), {parameters.gamma, parameters.beta});
  Tensor out = ops::zeros(ctx, x.rows(), x.cols());
  ops::batch_norm(ctx,
                  {&x.value(), channels_of(layer, parameters, moments), layer.activation, &out});
  // Constants, so that nothing of the graph is captured.
  const Moments fixed{moments.mean.detached(), moments.variance.detached()};
  return {out, inputs, [layer, fixed, of_batch](Backprop& step) {
            if (!step.differentiable()) return norm_backward(layer, fixed, of_batch, step);
            through_twin(step, [&](const std::vector<Variable>& of) {
              return plain_norm(layer, of[0], parameters_of(of), of_batch ? Moments{} : fixed,
                                fixed.mean.cols());
            });
          }};
}

}  // namespace

void require_norm_operands(const Variable& x, const NormParameters& parameters,
                           const Moments& moments) {
  require(static_cast<bool>(parameters.gamma) == static_cast<bool>(parameters.beta), "batch_norm",
          [] { return "gamma and beta must be given together"; });
  require(moments.mean && moments.variance, "batch_norm",
          [] { return "mean and variance must be given together"; });
  const Variable& beta = parameters.beta ? parameters.beta : x;
  for (const Variable& y : {moments.mean, moments.variance, beta})
    require(&y.context().backend() == &x.context().backend(), "batch_norm",
            [] { return "x, the parameters and the moments must lie on one device"; });
}

Channels channels_of(const NormLayer& layer, const NormParameters& parameters,
                     const Moments& moments) {
  const auto value = [](const Variable& x) { return x ? &x.value() : nullptr; };
  return {&moments.mean.value(), &moments.variance.value(), value(parameters.gamma),
          value(parameters.beta), layer.epsilon};
}

Moments channel_moments(const Variable& x, int64_t channels) {
  const Context& ctx = x.context();
  Tensor mean = ops::zeros(ctx, 1, channels), variance = ops::zeros(ctx, 1, channels);
  ops::channel_moments(ctx, x.value(), mean, variance);
  return {{ctx, mean}, {ctx, variance}};
}

Variable batch_norm(const NormLayer& layer, const Variable& x, const NormParameters& parameters,
                    const Moments& moments) {
  return norm_with(layer, x, parameters, moments, true);
}

Variable fixed_norm(const NormLayer& layer, const Variable& x, const NormParameters& parameters,
                    const Moments& moments) {
  return norm_with(layer, x, parameters, moments, false);
}

Variable plain_norm(const NormLayer& layer, const Variable& x, const NormParameters& parameters,
                    const Moments& moments, int64_t channels) {
  require(channels > 0 && x.cols() % channels == 0, "batch_norm", [&] {
    return "x must have a multiple of " + std::to_string(channels) + " columns, got shape " +
           shape_string(x.rows(), x.cols());
  });
  const Variable z = reshape(x, x.rows() * (x.cols() / channels), channels);
  const double share = 1.0 / static_cast<double>(z.rows());
  const Variable mean = moments.mean ? moments.mean : sum_to(z, 1, channels, share);
  const Variable d = combine(Arithmetic::kSubtract, z, mean);
  const Variable variance =
      moments.variance ? moments.variance : sum_to(multiply(d, d), 1, channels, share);
  const Variable deviation =
      map({FunctionKind::kSquareRoot, 0.0f}, affine(variance, 1.0, double{layer.epsilon}));
  Variable out = combine(Arithmetic::kDivide, d, deviation);
  if (parameters.gamma) out = add(multiply(out, parameters.gamma), parameters.beta);
  return map(layer.activation, reshape(out, x.rows(), x.cols()));
}

}  // namespace gibbslab::nn
