// Convolutions of images and their transposes, each with bias and activation, and the gradients by
// their weights. In a batch a sample is a row, its elements in the order (row, column, channel).
#pragma once

#include "csrc/core/context.h"
#include "csrc/core/convolution.h"
#include "csrc/core/neural.h"
#include "csrc/core/tensor.h"
#include "csrc/ops/norm.h"

namespace gibbslab {

// out = f(conv(x, W) + b): x (N, inputs), W (O, window), b (1, O) or null, out (N, outputs); or of
// the transpose: x (N, outputs), W the same, b (1, C) or null, out (N, inputs). Where `norm` is
// given, f of the normalised sum (csrc/ops/norm.h); mean and variance (1, channels of out), where
// they are given, become those of the channels of out, which then is the sum itself.
struct Conv {
  ConvGeometry geometry;
  const Tensor *x = nullptr, *weight = nullptr, *bias = nullptr;
  Function activation;
  Tensor* out = nullptr;
  const Channels* norm = nullptr;
  Tensor *mean = nullptr, *variance = nullptr;
};

struct ConvOps {
  virtual ~ConvOps() = default;
  virtual void forward(const Context& ctx, const Conv& job) = 0;
  virtual void transposed(const Context& ctx, const Conv& job) = 0;
  virtual void weight_gradient(const Context& ctx, const ConvGeometry& g, const Tensor& y,
                               const Tensor& x, Tensor& out) = 0;
  virtual void swap_axes(const Context& ctx, const Tensor& x, int64_t rows, int64_t cols,
                         Tensor& out) = 0;
};

namespace ops {

// Above these a geometry is refused: places within a sample are counted in 32 bits.
constexpr int64_t kLargestSide = int64_t{1} << 20, kLargestSample = int64_t{1} << 28,
                  kLargestStride = 255;

// ShapeError for a geometry that no operation takes; they check it themselves.
void require_geometry(const char* op, const ConvGeometry& g);

void conv(const Context& ctx, const Conv& job);
void conv_transposed(const Context& ctx, const Conv& job);
// out (O, window) = the gradient of <y, conv(x, W)> by W; y (N, outputs), x (N, inputs).
void conv_weight(const Context& ctx, const ConvGeometry& g, const Tensor& y, const Tensor& x,
                 Tensor& out);
// Each row of x (N, rows cols) is a matrix, and its transpose the row of out.
void swap_axes(const Context& ctx, const Tensor& x, int64_t rows, int64_t cols, Tensor& out);

}  // namespace ops
}  // namespace gibbslab
