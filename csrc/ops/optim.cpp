#include "csrc/ops/optim.h"

#include "csrc/core/error.h"
#include "csrc/ops/backend.h"

namespace gibbslab::ops {

void require_fitting(const char* op, const Update& job) {
  const int64_t rows = job.weight->rows(), cols = job.weight->cols();
  struct Operand {
    const char* name;
    const Tensor* tensor;
    int64_t rows, cols;
  };
  const Operand operands[] = {{"gradient", job.gradient, rows, cols},
                              {"velocity", job.velocity, rows, cols},
                              {"new_weight", job.new_weight, rows, cols},
                              {"new_velocity", job.new_velocity, rows, cols},
                              {"row_mean", job.row_mean, 1, rows},
                              {"shift", job.shift, 1, cols},
                              {"row_shift", job.row_shift, 1, rows},
                              {"mean", job.mean, 1, cols},
                              {"row_pressure", job.row_pressure, 1, rows},
                              {"pressure", job.pressure, 1, cols},
                              {"new_transposed", job.new_transposed, cols, rows}};
  for (const Operand& x : operands)
    if (x.tensor != nullptr && (x.tensor->rows() != x.rows || x.tensor->cols() != x.cols))
      require(false, op, [&] {
        return std::string(x.name) + " must have shape " + shape_string(x.rows, x.cols) + ", got " +
               shape_string(x.tensor->rows(), x.tensor->cols());
      });
  require(!job.velocity == !job.new_velocity, op,
          [&] { return "velocity and new_velocity must be given together"; });
  require(job.velocity != nullptr || job.momentum == 0.0f, op,
          [&] { return "momentum needs a velocity"; });
  require(!job.row_mean == !job.shift && !job.row_shift == !job.mean &&
              !job.row_pressure == !job.pressure,
          op, [&] { return "the factors of a rank-one term must be given together"; });
}

bool update(const Context& ctx, const Update& job) {
  require_fitting("update", job);
  return ctx.backend().optim.update(ctx, job);
}

void limit_column_norms(const Context& ctx, float max_norm, Tensor& w) {
  require(max_norm > 0.0f, "limit_column_norms", [&] { return "max_norm must be positive"; });
  ctx.backend().optim.limit_column_norms(ctx, max_norm, w);
}

}  // namespace gibbslab::ops
