// Losses with their gradients (csrc/core/loss_formulas.h).
//
//   rows (N, 1) = the sum of the terms of each row; gradient (N, C) = scale times their derivatives
//
// A block of 128 threads owns a row, a thread every 128th of its columns; the shares are added in
// a fixed order, in float64 (row_sums.cuh).
#include "csrc/ops/loss.h"

#include "csrc/core/loss_formulas.h"
#include "kernels/row_sums.cuh"

namespace gibbslab::cuda {
namespace {

// ------------------------------------------------------------------------------------ kernels

// Pointers may be null where a kind has no such operand, or nobody wants it.
struct LossView {
  Input prediction, log_variance, target;
  Output rows, gradient, log_variance_gradient;
  int64_t cols;
  float scale;
  const float* factor;  // or null
};

template <class T>
__device__ float at_or_zero(const Matrix<T>& x, int64_t r, int64_t c) {
  return x.data != nullptr ? x.row(r)[c] : 0.0f;
}

// The value at one element, its derivatives stored.
template <class Kind>
__device__ double term_at(const LossView& job, int64_t r, int64_t c) {
  const float b = at_or_zero(job.log_variance, r, c), t = at_or_zero(job.target, r, c);
  const LossTerm<float> term = Kind::template of<float>(job.prediction.row(r)[c], b, t);
  if (job.gradient.data != nullptr) job.gradient.row(r)[c] = job.scale * term.by_a;
  if (job.log_variance_gradient.data != nullptr)
    job.log_variance_gradient.row(r)[c] = job.scale * term.by_b;
  return static_cast<double>(term.value);
}

template <class Kind>
__global__ void __launch_bounds__(kRowThreads) loss_rows(LossView job, int64_t rows) {
  if (job.factor != nullptr) job.scale *= *job.factor;
  for (int64_t r = blockIdx.x; r < rows; r += gridDim.x) {
    double share = 0;
    for (int64_t c = threadIdx.x; c < job.cols; c += kRowThreads) share += term_at<Kind>(job, r, c);
    const double sum = block_sum<kRowThreads>(share);
    if (threadIdx.x == 0) job.rows.row(r)[0] = static_cast<float>(sum);
  }
}

// ---------------------------------------------------------------------------------- launchers

struct CudaLoss : LossOps {
  void loss(const Context&, const Loss& job) override {
    if (job.prediction->empty()) return;
    const LossView view{input(job.prediction),
                        input(job.log_variance),
                        input(job.target),
                        output(job.rows),
                        output(job.gradient),
                        output(job.log_variance_gradient),
                        job.prediction->cols(),
                        job.scale,
                        job.factor};
    constexpr int64_t kMostBlocks = int64_t{1} << 30;
    const int64_t rows = job.prediction->rows();
    visit_loss(job.kind, [&](auto kind) {
      launch(loss_rows<decltype(kind)>, dim3(static_cast<unsigned>(std::min(rows, kMostBlocks))),
             dim3(kRowThreads), 0, stream(), view, rows);
    });
  }
};

}  // namespace

LossOps& loss_ops() {
  static CudaLoss ops;
  return ops;
}

}  // namespace gibbslab::cuda
