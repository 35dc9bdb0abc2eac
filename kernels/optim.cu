// The parameter update of an energy model, and the limit on the norms of columns.
//
//   g = gradient - row_mean_i shift_j - row_shift_i mean_j + row_pressure_i pressure_j
//       - l2 w - l1 sign(w)
//   velocity' = momentum velocity + g;  w' = w + learning_rate velocity';  all (R, C)
//
// update: a thread owns four neighbouring columns of every row that it meets (cd_epilogue.cuh). A
// new value that is not finite raises a flag, which the host reads.
// limit_column_norms: a block owns 32 columns of w (R, C), a thread every 16th row of one of them;
// the 16 sums of squares of a column are added in order, in float64, and the column is scaled.
#include "csrc/ops/optim.h"

#include "csrc/core/faults.h"
#include "kernels/cd_epilogue.cuh"
#include "kernels/launch.cuh"
#include "kernels/reduction.cuh"
#include "kernels/rows.cuh"
#include "kernels/update.cuh"

namespace gibbslab::cuda {
namespace {

// ------------------------------------------------------------------------------------ kernels

// Whole tiles of columns: the last one sees to the padding to its right.
__global__ void update_rows(const CdOutput out, const float* gradient) {
  const int64_t c = 4 * along_row();
  if (c >= round_up(out.cols, kTile)) return;
  const Operand g{gradient, nullptr, out.stride, out.rows, out.cols};
  for (int64_t r = first_row(); r < out.rows; r += row_step())
    update_quad(out, r, c, dense_quad(g, r, c));
}

__global__ void limit_columns(Output w, int64_t rows, float max_norm) {
  const int64_t c = 32 * static_cast<int64_t>(blockIdx.x) + threadIdx.x;
  const bool inside = c < w.cols - (fault("kernel_off_by_one") ? 1 : 0);
  double squares = 0;
  for (int64_t r = threadIdx.y; inside && r < rows; r += kRowGroups) {
    const double x = w.row(r)[c];
    squares += x * x;
  }
  squares = column_sum(squares);
  if (!inside || !(squares > static_cast<double>(max_norm) * max_norm)) return;
  const float scale = static_cast<float>(max_norm / sqrt(squares));
  for (int64_t r = threadIdx.y; r < rows; r += kRowGroups) w.row(r)[c] *= scale;
}

// ---------------------------------------------------------------------------------- launchers

const float* data_or_null(const Tensor* x) { return x != nullptr ? x->data() : nullptr; }

struct CudaOptim : OptimOps {
  bool update(const Context&, const Update& job) override {
    if (job.weight->empty()) return true;
    const PreparedUpdate prepared(job);
    const Tensor gradient = aligned(*job.gradient);
    const CdOutput& out = prepared.output();
    const Cover over = cover(out.rows, round_up(out.cols, kTile) / 4);
    launch(update_rows, over.grid, over.block, 0, stream(), out, gradient.data());
    return prepared.finite();
  }

  void limit_column_norms(const Context&, float max_norm, Tensor& w) override {
    if (w.empty()) return;
    const dim3 grid(static_cast<unsigned>((w.cols() + 31) / 32)), block(32, kRowGroups);
    launch(limit_columns, grid, block, 0, stream(), output(w), w.rows(), max_norm);
  }
};

}  // namespace

PreparedUpdate::PreparedUpdate(const Update& job)
    : weight_(aligned(*job.weight)),
      velocity_(job.velocity != nullptr ? aligned(*job.velocity) : Tensor()) {
  device_memory().clear(trouble_.get(), sizeof(int));
  out_.rows = weight_.rows();
  out_.cols = weight_.cols();
  out_.stride = weight_.stride();
  out_.weight = weight_.data();
  out_.velocity = velocity_.data();
  out_.new_weight = job.new_weight->data();
  if (job.new_velocity != nullptr) out_.new_velocity = job.new_velocity->data();
  if (job.new_transposed != nullptr) {
    out_.new_transposed = job.new_transposed->data();
    out_.transposed_stride = job.new_transposed->stride();
  }
  out_.row_mean = data_or_null(job.row_mean);
  out_.shift = data_or_null(job.shift);
  out_.row_shift = data_or_null(job.row_shift);
  out_.mean = data_or_null(job.mean);
  out_.row_pressure = data_or_null(job.row_pressure);
  out_.pressure = data_or_null(job.pressure);
  out_.learning_rate = job.learning_rate;
  out_.momentum = effective_momentum(job.momentum, job.learning_rate);
  out_.l1 = job.l1;
  out_.l2 = job.l2;
  out_.trouble = trouble_.get();
}

bool PreparedUpdate::finite() const {
  int raised = 0;
  download(&raised, trouble_.get(), 1);
  return raised == 0;
}

OptimOps& optim_ops() {
  static CudaOptim ops;
  return ops;
}

}  // namespace gibbslab::cuda
