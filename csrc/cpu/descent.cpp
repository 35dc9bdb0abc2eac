#include "csrc/ops/descent.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include "csrc/core/thread_pool.h"
#include "csrc/cpu/cpu_ops.h"

namespace gibbslab::cpu {
namespace {

constexpr int64_t kSpan = 16 * 1024;  // parameters that a task takes

struct Place {
  int64_t slot, first, count;
};

std::vector<Place> places(const Descent& job) {
  std::vector<Place> out;
  for (int64_t s = 0; s < static_cast<int64_t>(job.slots.size()); ++s) {
    const Tensor& weight = job.slots[static_cast<size_t>(s)].weight;
    const int64_t count = weight.rows() * weight.stride();
    for (int64_t first = 0; first < count; first += kSpan)
      out.push_back({s, first, std::min(kSpan, count - first)});
  }
  return out;
}

DescentSpan span_at(const Descent& job, const Place& at) {
  DescentSlot slot = job.slots[static_cast<size_t>(at.slot)];  // handles
  return {job.rule,
          job.stored != nullptr ? job.stored : &job.factors,
          slot.weight.data() + at.first,
          slot.gradient.data() + at.first,
          slot.new_weight.data() + at.first,
          slot.first.data() + at.first,
          slot.second.data() + at.first,
          at.count};
}

struct CpuDescent : DescentOps {
  void descend(const Context& ctx, const Descent& job, Tensor& out) override {
    const std::vector<Place> all = places(job);
    std::atomic<int64_t> trouble{-1};
    parallel_for(ctx.threads(), static_cast<int64_t>(all.size()), [&](int64_t i) {
      const Place& at = all[static_cast<size_t>(i)];
      if (kernels().descend(span_at(job, at))) return;
      int64_t found = trouble;  // the first slot is named, whichever thread is first
      while ((found < 0 || at.slot < found) && !trouble.compare_exchange_weak(found, at.slot)) {
      }
    });
    const int64_t slots = static_cast<int64_t>(job.slots.size());
    out.row(0)[0] = trouble < 0 ? 0.0f : static_cast<float>(slots - trouble);
  }
};

}  // namespace

DescentOps& descent_ops() {
  static CpuDescent ops;
  return ops;
}

}  // namespace gibbslab::cpu
