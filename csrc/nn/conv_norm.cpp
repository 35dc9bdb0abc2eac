#include "csrc/nn/conv_norm.h"

#include "csrc/nn/twin.h"
#include "csrc/ops/backend.h"

namespace gibbslab::nn {
namespace {

// The layer up to its activation.
ConvLayer without_activation(const ConvLayer& layer) {
  return {layer.geometry, layer.transposed, {}};
}

Variable norm_of_batch(const ConvLayer& layer, const Variable& x, const Variable& weight,
                       const Variable& bias, float epsilon, const NormParameters& parameters,
                       Moments& moments) {
  const Variable z = convolution(without_activation(layer), x, weight, bias, &moments);
  return batch_norm({epsilon, layer.activation}, z, parameters, moments);
}

// x and the weight, then the bias, and gamma and beta, where they are.
struct ConvNormInputs {
  Variable x, weight, bias;
  NormParameters parameters;

  ConvNormInputs(const std::vector<Variable>& of, bool with_bias, bool affine)
      : x(of[0]), weight(of[1]) {
    if (with_bias) bias = of[2];
    if (affine) parameters = {of[of.size() - 2], of[of.size() - 1]};
  }
};

Variable norm_with_constants(const ConvLayer& layer, const Variable& x, const Variable& weight,
                             const Variable& bias, float epsilon, const NormParameters& parameters,
                             const Moments& moments) {
  const bool with_bias = static_cast<bool>(bias), affine = static_cast<bool>(parameters.gamma);
  std::vector<Variable> inputs{x, weight};
  if (with_bias) inputs.push_back(bias);
  if (affine) inputs.insert(inputs.end(), {parameters.gamma, parameters.beta});
  require_norm_operands(x, parameters, moments);
  const NormLayer norm{epsilon, layer.activation};
  const Channels channels = channels_of(norm, parameters, moments);
  Conv job;
  job.norm = &channels;
  // Constants, so that nothing of the graph is captured.
  const Moments fixed{moments.mean.detached(), moments.variance.detached()};
  return {convolved(layer, x, weight, bias, job), inputs,
          [layer, norm, fixed, with_bias, affine](Backprop& step) {
            through_twin(step, [&](const std::vector<Variable>& given) {
              const ConvNormInputs of(given, with_bias, affine);
              return fixed_norm(norm,
                                convolution(without_activation(layer), of.x, of.weight, of.bias),
                                of.parameters, fixed);
            });
          }};
}

}  // namespace

Variable conv_norm(const ConvLayer& layer, const Variable& x, const Variable& weight,
                   const Variable& bias, float epsilon, const NormParameters& parameters,
                   Moments& moments) {
  if (!moments.mean && !moments.variance)
    return norm_of_batch(layer, x, weight, bias, epsilon, parameters, moments);
  return norm_with_constants(layer, x, weight, bias, epsilon, parameters, moments);
}

Variable plain_conv_norm(const ConvLayer& layer, const Variable& x, const Variable& weight,
                         const Variable& bias, float epsilon, const NormParameters& parameters,
                         Moments& moments) {
  const int64_t channels = layer.transposed ? layer.geometry.channels : layer.geometry.out_channels;
  const Variable z = plain_convolution(without_activation(layer), x, weight, bias);
  const Variable out = plain_norm({epsilon, layer.activation}, z, parameters, moments, channels);
  if (!moments.mean) moments = channel_moments(z, channels);
  return out;
}

}  // namespace gibbslab::nn
