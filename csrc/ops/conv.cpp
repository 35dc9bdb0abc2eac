#include "csrc/ops/conv.h"

#include <algorithm>
#include <initializer_list>
#include <string>

#include "csrc/ops/backend.h"
#include "csrc/ops/shapes.h"

namespace gibbslab::ops {

void require_geometry(const char* op, const ConvGeometry& g) {
  const auto require_all = [&](std::initializer_list<int64_t> sizes, int64_t least, int64_t most,
                               const char* what) {
    require(
        std::all_of(sizes.begin(), sizes.end(), [&](int64_t n) { return least <= n && n <= most; }),
        op, [&] {
          return std::string(what) + " must be in " + std::to_string(least) + " ... " +
                 std::to_string(most);
        });
  };
  require_all({g.rows, g.cols, g.channels, g.out_rows, g.out_cols, g.out_channels}, 1, kLargestSide,
              "sizes of images");
  require_all({g.kernel_rows, g.kernel_cols}, 1, kLargestSide, "sizes of the kernel");
  require_all({g.stride_rows, g.stride_cols}, 1, kLargestStride, "strides");
  require_all({g.top, g.left}, 0, kLargestSide, "padding");
  // Of sides in those ranges no product of three overflows.
  require_all({g.inputs(), g.outputs(), g.window(), g.kernel_rows * g.kernel_cols * g.out_channels},
              1, kLargestSample, "elements of an image");
}

namespace {

void require_norm(const char* op, const Conv& job, int64_t channels) {
  require_shape(op, "mean", *job.norm->mean, 1, channels);
  require_channels(op, *job.norm, *job.out);
}

void require_moments(const char* op, const Conv& job, int64_t channels) {
  require(job.mean != nullptr && job.variance != nullptr, op,
          [] { return "mean and variance must be given together"; });
  require_shape(op, "mean", *job.mean, 1, channels);
  require_shape(op, "variance", *job.variance, 1, channels);
  require(job.norm == nullptr && job.activation.kind == FunctionKind::kIdentity, op,
          [] { return "moments are those of a result without an activation"; });
  require(job.x->rows() > 0, op, [] { return "x must have elements"; });
}

void require_conv(const char* op, const Conv& job, bool transposed) {
  const ConvGeometry& g = job.geometry;
  require_geometry(op, g);
  const int64_t n = job.x->rows(), from = transposed ? g.outputs() : g.inputs();
  require(job.x->cols() == from, op, [&] {
    return "x must have " + std::to_string(from) + " columns, got shape " +
           shape_string(n, job.x->cols());
  });
  require_shape(op, "weight", *job.weight, g.out_channels, g.window());
  require_shape_if_given(op, "bias", job.bias, 1, transposed ? g.channels : g.out_channels);
  require_shape(op, "out", *job.out, n, transposed ? g.inputs() : g.outputs());
  if (job.norm != nullptr) require_norm(op, job, transposed ? g.channels : g.out_channels);
  if (job.mean != nullptr || job.variance != nullptr)
    require_moments(op, job, transposed ? g.channels : g.out_channels);
  require(is_activation(job.activation.kind), op,
          [] { return "the function must be an activation"; });
}

}  // namespace

void conv(const Context& ctx, const Conv& job) {
  require_conv("conv", job, false);
  if (job.x->rows() > 0) ctx.backend().conv.forward(ctx, job);
}

void conv_transposed(const Context& ctx, const Conv& job) {
  require_conv("conv_transposed", job, true);
  if (job.x->rows() > 0) ctx.backend().conv.transposed(ctx, job);
}

void conv_weight(const Context& ctx, const ConvGeometry& g, const Tensor& y, const Tensor& x,
                 Tensor& out) {
  constexpr const char* op = "conv_weight";
  require_geometry(op, g);
  require_shape(op, "y", y, y.rows(), g.outputs());
  require_shape(op, "x", x, y.rows(), g.inputs());
  require_shape(op, "out", out, g.out_channels, g.window());
  if (y.rows() == 0) return out.clear();
  ctx.backend().conv.weight_gradient(ctx, g, y, x, out);
}

void swap_axes(const Context& ctx, const Tensor& x, int64_t rows, int64_t cols, Tensor& out) {
  require_shape("swap_axes", "x", x, x.rows(), rows * cols);
  require_shape("swap_axes", "out", out, x.rows(), rows * cols);
  if (!x.empty()) ctx.backend().conv.swap_axes(ctx, x, rows, cols, out);
}

}  // namespace gibbslab::ops
