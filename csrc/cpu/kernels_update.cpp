// The parameter update, with everything that changes a weight in one pass.
#include "csrc/core/faults.h"
#include "csrc/cpu/kernels_impl.h"
#include "csrc/cpu/simd.h"

namespace gibbslab::cpu::GIBBSLAB_ISA {
namespace {

GIBBSLAB_HD f32x16 sign(f32x16 x) {
  const f32x16 negative = Lane<f32x16>::select(x < 0.0f, broadcast(-1.0f), f32x16{});
  return Lane<f32x16>::select(x > 0.0f, broadcast(1.0f), negative);
}

// A (1, C) operand of a rank-one term, and row r's factor of it.
struct RankOne {
  const float* columns;
  float row;

  RankOne(const Tensor* columns_, const Tensor* rows, int64_t r)
      : columns(columns_ ? columns_->data() : nullptr), row(rows ? rows->data()[r] : 0.0f) {}
  void add_to(f32x16& g, int64_t c, float sign) const {
    if (columns) g += load(columns + c) * (sign * row);
  }
};

// Adds x * 0, which is 0 for a finite x and NaN otherwise, of every new value to `trouble`.
GIBBSLAB_HD void update_row(const Update& job, const float* gradient, int64_t r, float momentum,
                            f32x16& trouble) {
  const RankOne shift(job.shift, job.row_mean, r), mean(job.mean, job.row_shift, r),
      pressure(job.pressure, job.row_pressure, r);
  const float* weight = job.weight->row(r);
  const float* velocity = job.velocity ? job.velocity->row(r) : nullptr;
  float* new_weight = job.new_weight->row(r);
  float* new_velocity = job.velocity ? job.new_velocity->row(r) : nullptr;
  const int64_t cols = job.weight->cols();
  for (int64_t c = 0; c < cols; c += 16) {
    const f32x16 w = load(weight + c);
    f32x16 g = load(gradient + c);
    shift.add_to(g, c, -1.0f);
    mean.add_to(g, c, -1.0f);
    pressure.add_to(g, c, 1.0f);
    if (job.l2 != 0.0f) g -= w * job.l2;
    if (job.l1 != 0.0f) g -= sign(w) * job.l1;
    const f32x16 v = velocity ? load(velocity + c) * momentum + g : g;
    const f32x16 updated = w + v * job.learning_rate;
    if (new_velocity) store(new_velocity + c, v);
    store(new_weight + c, updated);
    trouble += updated * 0.0f + v * 0.0f;
  }
}

}  // namespace

bool update_rows(const Update& job, const Tensor& gradient, int64_t first, int64_t begin,
                 int64_t end) {
  const float momentum =
      fault("momentum_times_learning_rate") ? job.momentum * job.learning_rate : job.momentum;
  f32x16 trouble = {};
  for (int64_t r = begin; r < end; ++r)
    update_row(job, gradient.row(r - first), r, momentum, trouble);
  float total = 0;
  for (int i = 0; i < 16; ++i) total += trouble[i];
  return total == 0.0f;
}

}  // namespace gibbslab::cpu::GIBBSLAB_ISA
