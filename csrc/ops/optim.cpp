#include "csrc/ops/optim.h"

#include "csrc/core/error.h"
#include "csrc/ops/backend.h"

namespace gibbslab::ops {

bool update(const Context& ctx, const Update& job) {
  const int64_t rows = job.weight->rows(), cols = job.weight->cols();
  require((job.velocity == nullptr) == (job.new_velocity == nullptr), "update",
          "velocity and new_velocity must be given together");
  require(job.velocity != nullptr || job.momentum == 0.0f, "update", "momentum needs a velocity");
  for (const Tensor* t : {job.gradient, job.velocity, static_cast<const Tensor*>(job.new_weight),
                          static_cast<const Tensor*>(job.new_velocity)}) {
    if (t == nullptr) continue;
    require(t->rows() == rows && t->cols() == cols, "update",
            "every operand must have the shape of weight " + shape_string(rows, cols) + ", got " +
                shape_string(t->rows(), t->cols()));
  }
  return ctx.backend().optim.update(ctx, job);
}

void limit_column_norms(const Context& ctx, float max_norm, Tensor& w) {
  require(max_norm > 0.0f, "limit_column_norms", "max_norm must be positive");
  ctx.backend().optim.limit_column_norms(ctx, max_norm, w);
}

}  // namespace gibbslab::ops
