#include "csrc/nn/convolution.h"

#include "csrc/core/error.h"
#include "csrc/nn/twin.h"

namespace gibbslab::nn {
namespace {

void require_one_device(const Variable& x, const Variable& y) {
  require(&x.context().backend() == &y.context().backend(), "conv",
          [] { return "x and the parameters must lie on one device"; });
}

int64_t channels_of(const ConvLayer& layer) {
  return layer.transposed ? layer.geometry.channels : layer.geometry.out_channels;
}

// The sum of x (N, pixels channels) over samples and pixels, (1, channels).
Tensor channel_sums(const Context& ctx, const Tensor& x, int64_t channels) {
  Tensor pixels = ops::zeros(ctx, 1, x.cols());
  ops::column_sums(ctx, x, 1.0f, false, pixels);
  Tensor rows = ops::zeros(ctx, x.cols() / channels, channels), out = ops::zeros(ctx, 1, channels);
  ops::reshape(ctx, pixels, rows);
  ops::column_sums(ctx, rows, 1.0f, false, out);
  return out;
}

void convolution_backward(const ConvLayer& layer, Backprop& step) {
  const Context& ctx = step.gradient().context();
  const Variable dz(ctx, before_activation(layer.activation, step)), x = step.input(0),
                                                                     w = step.input(1);
  const ConvGeometry& at = layer.geometry;
  if (step.needs(0)) step.give(0, layer.transposed ? conv(at, dz, w) : conv_transposed(at, dz, w));
  if (step.needs(1))
    step.give(1, layer.transposed ? conv_weight(at, x, dz) : conv_weight(at, dz, x));
  if (step.inputs() > 2 && step.needs(2))
    step.give(2, {ctx, channel_sums(ctx, dz.value(), channels_of(layer))});
}

}  // namespace

Tensor convolved(const ConvLayer& layer, const Variable& x, const Variable& weight,
                 const Variable& bias, Conv job) {
  const Context& ctx = x.context();
  require_one_device(x, weight);
  if (bias) require_one_device(x, bias);
  const ConvGeometry& g = layer.geometry;
  ops::require_geometry(layer.transposed ? "conv_transposed" : "conv", g);
  Tensor out = ops::zeros(ctx, x.rows(), layer.transposed ? g.inputs() : g.outputs());
  job.geometry = g;
  job.x = &x.value();
  job.weight = &weight.value();
  job.bias = bias ? &bias.value() : nullptr;
  job.activation = layer.activation;
  job.out = &out;
  (layer.transposed ? ops::conv_transposed : ops::conv)(ctx, job);
  return out;
}

Variable conv(const ConvGeometry& g, const Variable& x, const Variable& weight) {
  return {convolved({g, false, {}}, x, weight, {}), {x, weight}, [g](Backprop& step) {
            const Variable& dy = step.gradient();
            if (step.needs(0)) step.give(0, conv_transposed(g, dy, step.input(1)));
            if (step.needs(1)) step.give(1, conv_weight(g, dy, step.input(0)));
          }};
}

Variable conv_transposed(const ConvGeometry& g, const Variable& y, const Variable& weight) {
  return {convolved({g, true, {}}, y, weight, {}), {y, weight}, [g](Backprop& step) {
            const Variable& dx = step.gradient();
            if (step.needs(0)) step.give(0, conv(g, dx, step.input(1)));
            if (step.needs(1)) step.give(1, conv_weight(g, step.input(0), dx));
          }};
}

Variable conv_weight(const ConvGeometry& g, const Variable& y, const Variable& x) {
  const Context& ctx = y.context();
  require_one_device(y, x);
  ops::require_geometry("conv_weight", g);
  Tensor out = ops::zeros(ctx, g.out_channels, g.window());
  ops::conv_weight(ctx, g, y.value(), x.value(), out);
  return {out, {y, x}, [g](Backprop& step) {
            const Variable& dw = step.gradient();
            if (step.needs(0)) step.give(0, conv(g, step.input(1), dw));
            if (step.needs(1)) step.give(1, conv_transposed(g, step.input(0), dw));
          }};
}

Variable plain_convolution(const ConvLayer& layer, const Variable& x, const Variable& weight,
                           const Variable& bias) {
  const ConvGeometry& g = layer.geometry;
  const Variable product = layer.transposed ? conv_transposed(g, x, weight) : conv(g, x, weight);
  if (!bias) return map(layer.activation, product);
  const int64_t channels = channels_of(layer), pixels = product.cols() / channels;
  const Variable each = reshape(product, product.rows() * pixels, channels);
  return map(layer.activation, reshape(add(each, bias), product.rows(), product.cols()));
}

Variable convolution(const ConvLayer& layer, const Variable& x, const Variable& weight,
                     const Variable& bias, Moments* moments) {
  std::vector<Variable> inputs{x, weight};
  if (bias) inputs.push_back(bias);
  Tensor mean, variance;
  Conv job;
  if (moments != nullptr) {
    const Context& ctx = x.context();
    mean = ops::zeros(ctx, 1, channels_of(layer));
    variance = ops::zeros(ctx, 1, channels_of(layer));
    job.mean = &mean;
    job.variance = &variance;
  }
  const Tensor out = convolved(layer, x, weight, bias, job);
  if (moments != nullptr) *moments = {{x.context(), mean}, {x.context(), variance}};
  return {out, inputs, [layer](Backprop& step) {
            if (!step.differentiable()) return convolution_backward(layer, step);
            through_twin(step, [layer](const std::vector<Variable>& of) {
              return plain_convolution(layer, of[0], of[1], of.size() > 2 ? of[2] : Variable());
            });
          }};
}

Variable swap_axes(const Variable& x, int64_t rows, int64_t cols) {
  Tensor out = ops::zeros(x.context(), x.rows(), x.cols());
  ops::swap_axes(x.context(), x.value(), rows, cols, out);
  return {out, {x}, [rows, cols](Backprop& step) {
            step.give(0, swap_axes(step.gradient(), cols, rows));
          }};
}

}  // namespace gibbslab::nn
