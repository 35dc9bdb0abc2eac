// A convolution, batch normalisation and an activation (csrc/ops/conv.h, csrc/ops/norm.h) as one.
#pragma once

#include "csrc/nn/convolution.h"
#include "csrc/nn/normalisation.h"

namespace gibbslab::nn {

// f(gamma (z - mean) / sqrt(variance + epsilon) + beta), z the product and its bias, f the layer's
// activation. Without moments those of z serve, which `moments` becomes, as constants: they come of
// the pass that makes z. With moments z is not kept.
Variable conv_norm(const ConvLayer& layer, const Variable& x, const Variable& weight,
                   const Variable& bias, float epsilon, const NormParameters& parameters,
                   Moments& moments);
// The composition that specifies it.
Variable plain_conv_norm(const ConvLayer& layer, const Variable& x, const Variable& weight,
                         const Variable& bias, float epsilon, const NormParameters& parameters,
                         Moments& moments);

}  // namespace gibbslab::nn
