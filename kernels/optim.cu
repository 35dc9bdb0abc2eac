// The parameter update of an energy model, and the limit on the norms of columns.
//
//   g = gradient - row_mean_i shift_j - row_shift_i mean_j + row_pressure_i pressure_j
//       - l2 w - l1 sign(w)
//   velocity' = momentum velocity + g;  w' = w + learning_rate velocity';  all (R, C)
//
// update: a thread owns four neighbouring columns of every row that it meets; every product is
// fused with its sum, as in the CPU's vectors, so that both round alike. A new value that is not
// finite raises a flag, which the host reads.
// limit_column_norms: a block owns 32 columns of w (R, C), a thread every 16th row of one of them;
// the 16 sums of squares of a column are added in order, in float64, and the column is scaled.
#include "csrc/ops/optim.h"

#include "csrc/core/faults.h"
#include "kernels/device.cuh"
#include "kernels/launch.cuh"
#include "kernels/reduction.cuh"
#include "kernels/rows.cuh"

namespace gibbslab::cuda {
namespace {

// A term row_i column_j; absent without columns.
struct RankOne {
  const float* row = nullptr;
  Input columns;
  float sign = 0.0f;
};

struct UpdateJob {
  Input weight, gradient, velocity;  // velocity.data may be null
  Output new_weight, new_velocity;   // new_velocity as velocity
  RankOne terms[3];
  float learning_rate, momentum, l1, l2;
};

// ------------------------------------------------------------------------------------ kernels

__device__ inline float sign_of(float x) { return x > 0.0f ? 1.0f : x < 0.0f ? -1.0f : 0.0f; }

__device__ inline float4 fused(float4 a, float b, float4 c) {
  return {__fmaf_rn(a.x, b, c.x), __fmaf_rn(a.y, b, c.y), __fmaf_rn(a.z, b, c.z),
          __fmaf_rn(a.w, b, c.w)};
}

__device__ inline bool finite(float4 x) {
  return isfinite(x.x) && isfinite(x.y) && isfinite(x.z) && isfinite(x.w);
}

__device__ inline float4 ascent(const UpdateJob& job, int64_t r, int64_t c, float4 w) {
  float4 g = job.gradient.load(r, c);
  for (const RankOne& term : job.terms)
    if (term.columns.data != nullptr)
      g = fused(term.columns.load(0, c), term.sign * term.row[r], g);
  if (job.l2 != 0.0f) g = fused(w, -job.l2, g);
  if (job.l1 != 0.0f)
    g = fused({sign_of(w.x), sign_of(w.y), sign_of(w.z), sign_of(w.w)}, -job.l1, g);
  return job.velocity.data != nullptr ? fused(job.velocity.load(r, c), job.momentum, g) : g;
}

__global__ void update_rows(UpdateJob job, int64_t rows, unsigned* trouble) {
  const int64_t c = 4 * along_row();
  if (c >= 4 * job.new_weight.quads()) return;
  bool good = true;
  for (int64_t r = first_row(); r < rows; r += row_step()) {
    const float4 w = job.weight.load(r, c), v = ascent(job, r, c, w);
    const float4 updated = fused(v, job.learning_rate, w);
    if (job.new_velocity.data != nullptr) job.new_velocity.store(r, c, v);
    job.new_weight.store(r, c, updated);
    good = good && finite(updated) && finite(v);
  }
  if (!good) atomicOr(trouble, 1u);
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

RankOne rank_one(const Tensor* row, const Tensor* columns, float sign) {
  return {row == nullptr ? nullptr : row->data(), input(columns), sign};
}

UpdateJob prepare(const Update& job) {
  UpdateJob out{};
  out.weight = input(job.weight);
  out.gradient = input(job.gradient);
  out.velocity = input(job.velocity);
  out.new_weight = output(job.new_weight);
  out.new_velocity = output(job.new_velocity);
  out.terms[0] = rank_one(job.row_mean, job.shift, -1.0f);
  out.terms[1] = rank_one(job.row_shift, job.mean, -1.0f);
  out.terms[2] = rank_one(job.row_pressure, job.pressure, 1.0f);
  out.learning_rate = job.learning_rate;
  out.momentum =
      fault("momentum_times_learning_rate") ? job.momentum * job.learning_rate : job.momentum;
  out.l1 = job.l1;
  out.l2 = job.l2;
  return out;
}

struct CudaOptim : OptimOps {
  bool update(const Context&, const Update& job) override {
    if (job.weight->empty()) return true;
    const Scratch<unsigned> trouble(1);
    device_memory().clear(trouble.get(), sizeof(unsigned));
    const UpdateJob prepared = prepare(job);
    const Cover over = cover(job.weight->rows(), prepared.new_weight.quads());
    launch(update_rows, over.grid, over.block, 0, stream(), prepared, job.weight->rows(),
           trouble.get());
    unsigned found = 0;
    download(&found, trouble.get(), 1);
    return found == 0;
  }

  void limit_column_norms(const Context&, float max_norm, Tensor& w) override {
    if (w.empty()) return;
    const dim3 grid(static_cast<unsigned>((w.cols() + 31) / 32)), block(32, kRowGroups);
    launch(limit_columns, grid, block, 0, stream(), output(w), w.rows(), max_norm);
  }
};

}  // namespace

OptimOps& optim_ops() {
  static CudaOptim ops;
  return ops;
}

}  // namespace gibbslab::cuda
