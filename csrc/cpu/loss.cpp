#include "csrc/ops/loss.h"

#include "csrc/cpu/cpu_ops.h"
#include "csrc/cpu/shares.h"

namespace gibbslab::cpu {
namespace {

Tensor padded(const Tensor* x) { return x == nullptr ? Tensor() : x->with_padding(); }

const float* row_of(const Tensor& x, int64_t r) { return x.empty() ? nullptr : x.row(r); }
float* row_of(Tensor* x, int64_t r) { return x == nullptr ? nullptr : x->row(r); }

struct CpuLoss : LossOps {
  void loss(const Context& ctx, const Loss& job) override {
    const Tensor a = padded(job.prediction), b = padded(job.log_variance), t = padded(job.target);
    const float scale = job.factor != nullptr ? job.scale * *job.factor : job.scale;
    for_rows(ctx.threads(), a.rows(), 8, [&](int64_t r) {
      job.rows->row(r)[0] = static_cast<float>(kernels().loss_row(
          {job.kind, a.row(r), row_of(b, r), row_of(t, r), row_of(job.gradient, r),
           row_of(job.log_variance_gradient, r), a.cols(), scale}));
    });
  }
};

}  // namespace

LossOps& loss_ops() {
  static CpuLoss ops;
  return ops;
}

}  // namespace gibbslab::cpu
