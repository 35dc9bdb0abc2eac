// Fully connected layers: products by cuBLAS, the rest of a layer in one kernel each.
//
//   forward      out (N, O) = f(x W^T + b)
//   backward     weight_gradient (O, I) = dz^T x;  bias_gradient (1, O) = the column sums of dz;
//                out (N, I) = (dz W [+ out]) f'(.), x = f(.)
//   times_slope  out (N, O) = dy f'(.), y = f(.)
//
// A thread owns four neighbouring columns of every row that it meets (rows.cuh).
#include "csrc/ops/dense.h"

#include "csrc/core/faults.h"
#include "csrc/core/functions.h"
#include "kernels/device.cuh"
#include "kernels/launch.cuh"
#include "kernels/rows.cuh"

namespace gibbslab::cuda {
namespace {

// ------------------------------------------------------------------------------------ kernels

// bias.data may be null.
template <class F>
__global__ void add_and_activate(float alpha, Input bias, Output out, int64_t rows) {
  const int64_t c = 4 * along_row();
  if (c >= 4 * out.quads()) return;
  const float4 b =
      bias.data != nullptr && !fault("dense_bias_left_out") ? bias.load(0, c) : float4{};
  const Input in{out.data, out.stride, out.cols, out.aligned};
  for (int64_t r = first_row(); r < rows; r += row_step()) {
    const float4 z = in.load(r, c);
    out.store(
        r, c,
        {F::template value<float>(z.x + b.x, alpha), F::template value<float>(z.y + b.y, alpha),
         F::template value<float>(z.z + b.z, alpha), F::template value<float>(z.w + b.w, alpha)});
  }
}

template <class F>
__global__ void slope_rows(float alpha, Input y, Input dy, Output out, int64_t rows) {
  const int64_t c = 4 * along_row();
  if (c >= 4 * out.quads()) return;
  for (int64_t r = first_row(); r < rows; r += row_step()) {
    const float4 v = y.load(r, c), g = dy.load(r, c);
    out.store(
        r, c,
        {g.x * F::template slope<float>(v.x, alpha), g.y * F::template slope<float>(v.y, alpha),
         g.z * F::template slope<float>(v.z, alpha), g.w * F::template slope<float>(v.w, alpha)});
  }
}

// ---------------------------------------------------------------------------------- launchers

void launch_slope(Function f, const Tensor& y, const Tensor& dy, Tensor& out) {
  if (out.empty()) return;
  const Output to = output(out);
  const Cover over = cover(out.rows(), to.quads());
  visit_activation(f.kind, [&](auto function) {
    launch(slope_rows<decltype(function)>, over.grid, over.block, 0, stream(), f.alpha, input(y),
           input(dy), to, out.rows());
  });
}

struct CudaDense : DenseOps {
  void forward(const Context& ctx, const Dense& job) override {
    if (job.out->empty()) return;
    linalg_ops().matmul(ctx, *job.x, false, *job.weight, true, 1.0f, 0.0f, *job.out);
    if (job.bias == nullptr && job.activation.kind == FunctionKind::kIdentity) return;
    const Output to = output(job.out);
    const Cover over = cover(job.out->rows(), to.quads());
    visit_activation(job.activation.kind, [&](auto function) {
      launch(add_and_activate<decltype(function)>, over.grid, over.block, 0, stream(),
             job.activation.alpha, input(job.bias), to, job.out->rows());
    });
  }

  void backward(const Context& ctx, const DenseBackward& job) override {
    LinalgOps& linalg = linalg_ops();
    if (job.weight_gradient != nullptr)
      linalg.matmul(ctx, *job.dz, true, *job.x, false, 1.0f, 0.0f, *job.weight_gradient);
    if (job.bias_gradient != nullptr)
      reduce_ops().column_sums(ctx, *job.dz, 1.0f, false, *job.bias_gradient);
    if (job.out == nullptr) return;
    linalg.matmul(ctx, *job.dz, false, *job.weight, false, 1.0f, job.accumulate ? 1.0f : 0.0f,
                  *job.out);
    if (job.below.kind != FunctionKind::kIdentity && !fault("dense_slope_left_out"))
      launch_slope(job.below, *job.x, *job.out, *job.out);
  }

  void times_slope(const Context&, Function f, const Tensor& y, const Tensor& dy,
                   Tensor& out) override {
    launch_slope(f, y, dy, out);
  }
};

}  // namespace

DenseOps& dense_ops() {
  static CudaDense ops;
  return ops;
}

}  // namespace gibbslab::cuda
