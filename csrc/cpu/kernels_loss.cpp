// Losses of rows with their derivatives.
#include "csrc/core/loss_formulas.h"
#include "csrc/cpu/kernels_impl.h"
#include "csrc/cpu/simd.h"

namespace gibbslab::cpu::GIBBSLAB_ISA {
namespace {

// Vectors that are added in float32 before their sum goes into a double.
constexpr int64_t kBlock = 32;

GIBBSLAB_HD double sum_lanes(f32x16 x) {
  double total = 0;
  for (int i = 0; i < 16; ++i) total += static_cast<double>(x[i]);
  return total;
}

GIBBSLAB_HD f32x16 load_or_zero(const float* x, int64_t c) {
  return x != nullptr ? load(x + c) : f32x16{};
}

// Columns c ... c + 15, those beyond the row without a value.
template <class Kind>
GIBBSLAB_HD f32x16 terms(const LossRow& job, int64_t c) {
  LossTerm<f32x16> term = Kind::template of<f32x16>(
      load(job.prediction + c), load_or_zero(job.log_variance, c), load_or_zero(job.target, c));
  if (job.gradient != nullptr) store(job.gradient + c, term.by_a * job.scale);
  if (job.log_variance_gradient != nullptr)
    store(job.log_variance_gradient + c, term.by_b * job.scale);
  for (int64_t i = job.cols - c; i < 16; ++i) term.value[i] = 0.0f;
  return term.value;
}

}  // namespace

double loss_row(const LossRow& job) {
  double total = 0;
  visit_loss(job.kind, [&](auto kind) {
    for (int64_t first = 0; first < job.cols; first += 16 * kBlock) {
      f32x16 sum = {};
      for (int64_t c = first; c < std::min(job.cols, first + 16 * kBlock); c += 16)
        sum += terms<decltype(kind)>(job, c);
      total += sum_lanes(sum);
    }
  });
  return total;
}

}  // namespace gibbslab::cpu::GIBBSLAB_ISA
