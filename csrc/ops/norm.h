// Batch normalisation. In a batch x (N, P C) every sample has P pixels of C channels.
#pragma once

#include "csrc/core/context.h"
#include "csrc/core/neural.h"
#include "csrc/core/tensor.h"

namespace gibbslab {

// What a channel is normalised with, each (1, C): gamma and beta may be null, for 1 and 0.
struct Channels {
  const Tensor *mean = nullptr, *variance = nullptr, *gamma = nullptr, *beta = nullptr;
  float epsilon = 0.0f;
  int64_t count() const { return mean->cols(); }
};

// out (N, P C) = f(gamma (x - mean) / sqrt(variance + epsilon) + beta).
struct BatchNorm {
  const Tensor* x = nullptr;
  Channels channels;
  Function activation;
  Tensor* out = nullptr;
};

// From the gradient dy (N, P C) at the result y of an activation, which is not needed where that is
// the identity; null outputs are not wanted.
//   gamma_gradient, beta_gradient (1, C);  out (N, P C), the gradient by x: through mean and
//   variance too where they are those of x
struct BatchNormBackward {
  const Tensor *dy = nullptr, *y = nullptr, *x = nullptr;
  Channels channels;
  Function activation;
  bool of_batch = false;
  Tensor *gamma_gradient = nullptr, *beta_gradient = nullptr, *out = nullptr;
};

struct NormOps {
  virtual ~NormOps() = default;
  virtual void moments(const Context& ctx, const Tensor& x, Tensor& mean, Tensor& variance) = 0;
  virtual void forward(const Context& ctx, const BatchNorm& job) = 0;
  // Both gradients (1, C) are given.
  virtual void backward(const Context& ctx, const BatchNormBackward& job) = 0;
};

namespace ops {

// ShapeError unless x has channels as many as the numbers that are given for them.
void require_channels(const char* op, const Channels& channels, const Tensor& x);

// mean, variance (1, C) = those of each channel of x (N, P C), which is not empty; the variance
// divided by N P. Sums in float64.
void channel_moments(const Context& ctx, const Tensor& x, Tensor& mean, Tensor& variance);
void batch_norm(const Context& ctx, const BatchNorm& job);
void batch_norm_backward(const Context& ctx, const BatchNormBackward& job);

}  // namespace ops
}  // namespace gibbslab
