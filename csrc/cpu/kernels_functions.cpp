// Functions of one variable, and their slopes, over rows.
#include <algorithm>

#include "csrc/core/faults.h"
#include "csrc/core/functions.h"
#include "csrc/cpu/kernels_impl.h"
#include "csrc/cpu/simd.h"

namespace gibbslab::cpu::GIBBSLAB_ISA {

void map_row(Function f, const float* x, float* out, int64_t cols) {
  visit_function(f.kind, [&](auto function) {
    for (int64_t c = 0; c < cols; c += 16)
      store(out + c, function.template value<f32x16>(load(x + c), f.alpha));
  });
  std::fill(out + cols, out + round_up(cols, kLanes), 0.0f);
}

void add_and_activate(Function f, const float* bias, float* out, int64_t cols) {
  if (fault("dense_bias_left_out")) bias = nullptr;
  visit_activation(f.kind, [&](auto function) {
    for (int64_t c = 0; c < cols; c += 16) {
      const f32x16 sum = bias != nullptr ? load(out + c) + load(bias + c) : load(out + c);
      store(out + c, function.template value<f32x16>(sum, f.alpha));
    }
  });
}

void slope_row(Function f, const float* y, const float* dy, float* out, int64_t cols) {
  visit_activation(f.kind, [&](auto function) {
    for (int64_t c = 0; c < cols; c += 16)
      store(out + c, load(dy + c) * function.template slope<f32x16>(load(y + c), f.alpha));
  });
}

}  // namespace gibbslab::cpu::GIBBSLAB_ISA
