#include "csrc/ops/loss.h"

#include "csrc/core/thread_pool.h"
#include "csrc/cpu/cpu_ops.h"

namespace gibbslab::cpu {
namespace {

Tensor padded(const Tensor* x) {
  if (x == nullptr) return {};
  return x->padded() ? *x : x->clone();
}

const float* row_of(const Tensor& x, int64_t r) { return x.empty() ? nullptr : x.row(r); }
float* row_of(Tensor* x, int64_t r) { return x == nullptr ? nullptr : x->row(r); }

struct CpuLoss : LossOps {
  void loss(const Context& ctx, const Loss& job) override {
    const Tensor a = padded(job.prediction), b = padded(job.log_variance), t = padded(job.target);
    const Pieces pieces(a.rows(), 8, ctx.threads());
    parallel_for(ctx.threads(), pieces.count, [&](int64_t p) {
      for (int64_t r = pieces.begin(p); r < pieces.end(p); ++r)
        job.rows->row(r)[0] = static_cast<float>(kernels().loss_row(
            {job.kind, a.row(r), row_of(b, r), row_of(t, r), row_of(job.gradient, r),
             row_of(job.log_variance_gradient, r), a.cols(), job.scale}));
    });
  }
};

}  // namespace

LossOps& loss_ops() {
  static CpuLoss ops;
  return ops;
}

}  // namespace gibbslab::cpu
