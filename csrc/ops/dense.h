// Fully connected layers: product, bias and activation in one operation, forward and backward.
#pragma once

#include "csrc/core/context.h"
#include "csrc/core/neural.h"
#include "csrc/core/tensor.h"

namespace gibbslab {

// out (N, O) = f(x W^T + b); x (N, I), W (O, I), b (1, O) or null.
struct Dense {
  const Tensor *x = nullptr, *weight = nullptr, *bias = nullptr;
  Function activation;
  Tensor* out = nullptr;
};

// From the gradient dz (N, O) at the layer's input to its activation; null outputs are not wanted.
//   weight_gradient (O, I) = dz^T x;  bias_gradient (1, O) = sum over rows of dz
//   out (N, I) = (dz W [+ out where accumulate says so]) f'(.), where x = f(.) is the layer below:
//   the gradient at the input to that layer's activation
struct DenseBackward {
  const Tensor *dz = nullptr, *x = nullptr, *weight = nullptr;
  Tensor *weight_gradient = nullptr, *bias_gradient = nullptr, *out = nullptr;
  Function below;
  bool accumulate = false;
};

struct DenseOps {
  virtual ~DenseOps() = default;
  virtual void forward(const Context& ctx, const Dense& job) = 0;
  virtual void backward(const Context& ctx, const DenseBackward& job) = 0;
  virtual void times_slope(const Context& ctx, Function f, const Tensor& y, const Tensor& dy,
                           Tensor& out) = 0;
};

namespace ops {

void dense(const Context& ctx, const Dense& job);
void dense_backward(const Context& ctx, const DenseBackward& job);
// out (N, O) = dy f'(.), where y = f(.); out may be dy.
void times_slope(const Context& ctx, Function f, const Tensor& y, const Tensor& dy, Tensor& out);

}  // namespace ops
}  // namespace gibbslab
