// Extrapolation of rows of means (csrc/ops/mean_field.h): the sums over a row, then the new row.
#include "csrc/cpu/kernels_impl.h"
#include "csrc/cpu/simd.h"

namespace gibbslab::cpu::GIBBSLAB_ISA {
namespace {

using L = Lane<f32x16>;

double sum_lanes(f32x16 v) {
  double total = 0;
  for (int i = 0; i < 16; ++i) total += static_cast<double>(v[i]);
  return total;
}

// x, zeros beyond `left` lanes.
GIBBSLAB_HD f32x16 first_lanes(f32x16 x, int64_t left) {
  const i32x16 lane{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  const int32_t count = static_cast<int32_t>(left < 16 ? left : 16);
  return L::select(lane < count, x, f32x16{});
}

}  // namespace

StepSums step_sums(const ExtrapolatedRow& job) {
  f32x16 now = {}, before = {}, along = {}, apart = {}, largest = {};
  for (int64_t c = 0; c < job.cols; c += 16) {
    const f32x16 f = first_lanes(load(job.x + c) - load(job.start + c), job.cols - c),
                 last = first_lanes(load(job.change + c), job.cols - c), moved = f - last;
    now += f * f;
    before += last * last;
    along += f * moved;
    apart += moved * moved;
    largest = L::larger(-L::negative_magnitude(f), largest);
  }
  float most = 0.0f;
  for (int i = 0; i < 16; ++i) most = Lane<float>::larger(largest[i], most);
  return {sum_lanes(now), sum_lanes(before), sum_lanes(along), sum_lanes(apart), most};
}

void next_start(const ExtrapolatedRow& job, float t) {
  for (int64_t c = 0; c < job.cols; c += 16) {
    const f32x16 x = load(job.x + c), f = x - load(job.start + c),
                 next = extrapolated(x, load(job.last + c), t);
    store(job.last + c, x);
    store(job.change + c, f);
    store(job.x + c, next);
    store(job.start + c, next);
  }
}

}  // namespace gibbslab::cpu::GIBBSLAB_ISA
