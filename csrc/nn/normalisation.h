// Batch normalisation of variables (csrc/ops/norm.h) with an activation, as one operation.
#pragma once

#include "csrc/core/neural.h"
#include "csrc/nn/variable.h"
#include "csrc/ops/norm.h"

namespace gibbslab::nn {

struct NormLayer {
  float epsilon = 1e-5f;
  Function activation;
};

// Each (1, C); gamma and beta both or neither.
struct NormParameters {
  Variable gamma, beta;
};
struct Moments {
  Variable mean, variance;
};

// ShapeError where one of gamma and beta is missing, or something lies on another device.
void require_norm_operands(const Variable& x, const NormParameters& parameters,
                           const Moments& moments);
// What the operations on tensors take; it refers to the variables.
Channels channels_of(const NormLayer& layer, const NormParameters& parameters,
                     const Moments& moments);

// Mean and variance of each of the `channels` of x (N, P C), as constants.
Moments channel_moments(const Variable& x, int64_t channels);
// f(gamma (x - mean) / sqrt(variance + epsilon) + beta), the moments being those of x: gradients go
// through them too.
Variable batch_norm(const NormLayer& layer, const Variable& x, const NormParameters& parameters,
                    const Moments& moments);
// The same with moments that do not depend on x.
Variable fixed_norm(const NormLayer& layer, const Variable& x, const NormParameters& parameters,
                    const Moments& moments);
// The composition that specifies both; empty moments are those of x.
Variable plain_norm(const NormLayer& layer, const Variable& x, const NormParameters& parameters,
                    const Moments& moments, int64_t channels);

}  // namespace gibbslab::nn
