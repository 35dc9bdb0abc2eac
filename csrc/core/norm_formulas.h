// Batch normalisation (Ioffe and Szegedy 2015), element by element, and moments of parts of a
// channel. F is float, or a vector of floats (see formulas.h).
#pragma once

#include <cmath>

#include "csrc/core/faults.h"
#include "csrc/core/macros.h"

namespace gibbslab {

// What the elements of one channel, or of one lane each, are computed with; gamma and beta are 1
// and 0 where a layer has none.
template <class F>
struct NormOf {
  F mean, inverse_deviation, gamma, beta;
};

struct ChannelNorm : NormOf<float> {
  GIBBSLAB_HD_MEMBER ChannelNorm of(float mean, float variance, float epsilon, float gamma,
                                    float beta) {
    const double deviation = sqrt(static_cast<double>(variance) + static_cast<double>(epsilon));
    return {{mean, static_cast<float>(1.0 / deviation), gamma, beta}};
  }
};

template <class F>
GIBBSLAB_HD F standardised(const NormOf<F>& c, F x) {
  return (x - c.mean) * c.inverse_deviation;
}

template <class F>
GIBBSLAB_HD F normalised(const NormOf<F>& c, F x) {
  return standardised(c, x) * c.gamma + c.beta;
}

// The gradient by x from that by the result. `mean` and `slope` are the means over the channel of
// the gradients and of their products with the standardised elements; 0 where mean and variance are
// constants.
template <class F>
GIBBSLAB_HD F norm_gradient(const NormOf<F>& c, F x, F gradient, F mean, F slope) {
  return c.gamma * c.inverse_deviation * (gradient - mean - standardised(c, x) * slope);
}

// Number and mean of some elements of a channel, and the sum of their squared deviations from it.
struct PartMoments {
  double count, mean, squares;

  // From the sums of the elements and of their squares.
  GIBBSLAB_HD_MEMBER PartMoments of(double sum, double squares, double count) {
    const double mean = sum / count, left = squares - sum * mean;
    return {count, mean, left > 0.0 ? left : 0.0};
  }
};

// Those of two parts together (Chan, Golub and LeVeque 1983).
GIBBSLAB_HD PartMoments merged(const PartMoments& a, const PartMoments& b) {
  const double count = a.count + b.count;
  if (count == 0.0) return a;
  const double apart = b.mean - a.mean, share = b.count / count;
  const double between =
      fault("moments_between_parts_left_out") ? 0.0 : apart * apart * a.count * share;
  return {count, a.mean + apart * share, a.squares + b.squares + between};
}

}  // namespace gibbslab
