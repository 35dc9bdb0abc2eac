#include "csrc/ops/loss.h"

#include "csrc/core/error.h"
#include "csrc/ops/backend.h"

namespace gibbslab::ops {

void loss(const Context& ctx, const Loss& job) {
  const int64_t rows = job.prediction->rows(), cols = job.prediction->cols();
  struct Operand {
    const char* name;
    const Tensor* tensor;
    int64_t cols;
    bool needed;
  };
  const Operand operands[] = {{"log_variance", job.log_variance, cols, has_log_variance(job.kind)},
                              {"target", job.target, cols, has_target(job.kind)},
                              {"rows", job.rows, 1, true},
                              {"gradient", job.gradient, cols, false},
                              {"log_variance_gradient", job.log_variance_gradient, cols, false}};
  for (const Operand& x : operands) {
    require(x.tensor != nullptr || !x.needed, "loss",
            [&] { return std::string(x.name) + " is missing"; });
    require(x.tensor == nullptr || (x.tensor->rows() == rows && x.tensor->cols() == x.cols), "loss",
            [&] {
              return std::string(x.name) + " must have shape " + shape_string(rows, x.cols) +
                     ", got " + shape_string(x.tensor->rows(), x.tensor->cols());
            });
  }
  ctx.backend().loss.loss(ctx, job);
}

}  // namespace gibbslab::ops
