// Batch normalisation (Ioffe and Szegedy 2015), element by element.
#pragma once

#include <cmath>

#include "csrc/core/macros.h"

namespace gibbslab {

// What the elements of one channel are computed with; gamma and beta are 1 and 0 where a layer has
// none.
struct ChannelNorm {
  float mean, inverse_deviation, gamma, beta;

  GIBBSLAB_HD_MEMBER ChannelNorm of(float mean, float variance, float epsilon, float gamma,
                                    float beta) {
    const double deviation = sqrt(static_cast<double>(variance) + static_cast<double>(epsilon));
    return {mean, static_cast<float>(1.0 / deviation), gamma, beta};
  }
};

GIBBSLAB_HD float standardised(const ChannelNorm& c, float x) {
  return (x - c.mean) * c.inverse_deviation;
}

GIBBSLAB_HD float normalised(const ChannelNorm& c, float x) {
  return standardised(c, x) * c.gamma + c.beta;
}

// The gradient by x from that by the result. `mean` and `slope` are the means over the channel of
// the gradients and of their products with the standardised elements; 0 where mean and variance are
// constants.
GIBBSLAB_HD float norm_gradient(const ChannelNorm& c, float x, float gradient, float mean,
                                float slope) {
  return c.gamma * c.inverse_deviation * (gradient - mean - standardised(c, x) * slope);
}

// The variance of a channel from the sums of its elements and of their squares.
GIBBSLAB_HD double variance_of(double sum, double squares, double count) {
  const double mean = sum / count, variance = squares / count - mean * mean;
  return variance > 0.0 ? variance : 0.0;
}

}  // namespace gibbslab
