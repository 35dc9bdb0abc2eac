// The parameter update of one row, with everything that changes a weight in one pass.
#include "csrc/core/faults.h"
#include "csrc/cpu/kernels_impl.h"
#include "csrc/cpu/simd.h"

namespace gibbslab::cpu::GIBBSLAB_ISA {
namespace {

GIBBSLAB_HD f32x16 sign(f32x16 x) {
  const f32x16 negative = Lane<f32x16>::select(x < 0.0f, broadcast(-1.0f), f32x16{});
  return Lane<f32x16>::select(x > 0.0f, broadcast(1.0f), negative);
}

}  // namespace

bool update_row(const UpdateRow& job) {
  f32x16 trouble = {};  // x * 0 is 0 for finite x and NaN otherwise
  for (int64_t c = 0; c < job.cols; c += 16) {
    const f32x16 w = load(job.weight + c);
    f32x16 g = load(job.gradient + c);
    if (job.hidden_shift) g -= load(job.hidden_shift + c) * job.row_mean;
    if (job.hidden_mean) g -= load(job.hidden_mean + c) * job.row_shift;
    if (job.hidden_pressure) g += load(job.hidden_pressure + c) * job.row_pressure;
    if (job.l2 != 0.0f) g -= w * job.l2;
    if (job.l1 != 0.0f) g -= sign(w) * job.l1;
    const float momentum =
        fault("momentum_times_learning_rate") ? job.momentum * job.learning_rate : job.momentum;
    const f32x16 v = job.velocity ? load(job.velocity + c) * momentum + g : g;
    const f32x16 updated = w + v * job.learning_rate;
    if (job.velocity) store(job.new_velocity + c, v);
    store(job.new_weight + c, updated);
    trouble += updated * 0.0f + v * 0.0f;
  }
  float total = 0;
  for (int i = 0; i < 16; ++i) total += trouble[i];
  return total == 0.0f;
}

}  // namespace gibbslab::cpu::GIBBSLAB_ISA
