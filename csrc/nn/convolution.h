// Convolutions on variables (csrc/ops/conv.h): the gradients of each of three products are the two
// others, so that they can be differentiated as often as wanted.
#pragma once

#include "csrc/core/convolution.h"
#include "csrc/core/neural.h"
#include "csrc/nn/normalisation.h"
#include "csrc/nn/variable.h"
#include "csrc/ops/conv.h"

namespace gibbslab::nn {

// x (N, inputs), y (N, outputs), weight (O, window); conv gives y, conv_transposed x, conv_weight
// the gradient of <y, conv(x, weight)> by the weight.
Variable conv(const ConvGeometry& g, const Variable& x, const Variable& weight);
Variable conv_transposed(const ConvGeometry& g, const Variable& y, const Variable& weight);
Variable conv_weight(const ConvGeometry& g, const Variable& y, const Variable& x);

// f(product + bias), the product conv or conv_transposed of x and the weight, as one operation;
// bias (1, channels of the result), or empty; f an activation.
struct ConvLayer {
  ConvGeometry geometry;
  bool transposed = false;
  Function activation;
};
// Where `moments` are asked for they become those of each channel of the result, as constants; f
// is the identity then.
Variable convolution(const ConvLayer& layer, const Variable& x, const Variable& weight,
                     const Variable& bias, Moments* moments = nullptr);
Variable plain_convolution(const ConvLayer& layer, const Variable& x, const Variable& weight,
                           const Variable& bias);

// The value alone; `job` says what more than the layer is to be done.
Tensor convolved(const ConvLayer& layer, const Variable& x, const Variable& weight,
                 const Variable& bias, Conv job = {});

// Each row of x, a matrix (rows, cols), transposed.
Variable swap_axes(const Variable& x, int64_t rows, int64_t cols);

}  // namespace gibbslab::nn
