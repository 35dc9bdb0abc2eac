// The steps of the optimisers over runs of parameters.
#include "csrc/core/descent_formulas.h"
#include "csrc/cpu/kernels_impl.h"
#include "csrc/cpu/simd.h"

namespace gibbslab::cpu::GIBBSLAB_ISA {

bool descend(const DescentSpan& job) {
  f32x16 trouble = {};  // x * 0 is 0 for a finite x, else NaN
  visit_rule(job.rule, [&](auto rule) {
    const DescentFactors factors = *job.factors;
    for (int64_t i = 0; i < job.count; i += 16) {
      const DescentState<f32x16> now{load(job.weight + i), load(job.first + i),
                                     load(job.second + i)};
      const DescentState<f32x16> next =
          rule.template of<f32x16>(factors, now, load(job.gradient + i));
      store(job.new_weight + i, next.weight);
      store(job.first + i, next.first);
      store(job.second + i, next.second);
      trouble += next.weight * 0.0f + next.first * 0.0f + next.second * 0.0f;
    }
  });
  float total = 0;
  for (int i = 0; i < 16; ++i) total += trouble[i];
  return total == 0.0f;
}

}  // namespace gibbslab::cpu::GIBBSLAB_ISA
