// Steps of the optimisers (csrc/core/descent_formulas.h), over many parameters in one launch.
//
// Row blockIdx.y of the grid owns one parameter tensor, its padding too; a thread owns every
// (256 gridDim.x)-th group of four of its floats. A new value that is not finite raises a flag with
// the number of its tensor, which the host reads.
#include "csrc/ops/descent.h"

#include <algorithm>

#include "csrc/core/descent_formulas.h"
#include "kernels/device.cuh"
#include "kernels/launch.cuh"

namespace gibbslab::cuda {
namespace {

constexpr int kThreads = 256;
constexpr size_t kSlots = 32;  // of a launch: they are passed by value

// ------------------------------------------------------------------------------------ kernels

struct SlotView {
  const float *weight, *gradient;
  float *new_weight, *first, *second;
  int64_t count;
};

struct SlotViews {
  SlotView at[kSlots];
};

template <class Rule>
__device__ bool descend_one(const DescentFactors& factors, const SlotView& slot, int64_t i) {
  const DescentState<float> now{slot.weight[i], slot.first[i], slot.second[i]};
  const DescentState<float> next = Rule::template of<float>(factors, now, slot.gradient[i]);
  slot.new_weight[i] = next.weight;
  slot.first[i] = next.first;
  slot.second[i] = next.second;
  return isfinite(next.weight) && isfinite(next.first) && isfinite(next.second);
}

// *trouble becomes the largest of `before` less the number of a slot that is in trouble; floats
// that are not negative are in the order of their bits.
template <class Rule>
__global__ void __launch_bounds__(kThreads)
    descend_slots(DescentFactors factors, const DescentFactors* stored, SlotViews slots,
                  unsigned before, unsigned* trouble) {
  if (stored != nullptr) factors = *stored;
  const SlotView& slot = slots.at[blockIdx.y];
  const int64_t step = int64_t{kThreads} * gridDim.x;
  bool finite = true;
  for (int64_t i = int64_t{kThreads} * blockIdx.x + threadIdx.x; i < slot.count; i += step)
    finite = descend_one<Rule>(factors, slot, i) && finite;
  if (!finite) atomicMax(trouble, __float_as_uint(static_cast<float>(before - blockIdx.y)));
}

// ---------------------------------------------------------------------------------- launchers

SlotView view(const DescentSlot& given) {
  DescentSlot slot = given;  // handles
  return {slot.weight.data(), slot.gradient.data(), slot.new_weight.data(),
          slot.first.data(),  slot.second.data(),   slot.weight.rows() * slot.weight.stride()};
}

struct CudaDescent : DescentOps {
  void descend(const Context&, const Descent& job, Tensor& trouble) override {
    const size_t all = job.slots.size();
    unsigned* bits = reinterpret_cast<unsigned*>(trouble.data());
    device_memory().clear(bits, sizeof(unsigned));
    for (size_t first = 0; first < all; first += kSlots)
      launch_some(job, first, std::min(all - first, kSlots), bits);
  }

 private:
  static void launch_some(const Descent& job, size_t first, size_t count, unsigned* trouble) {
    SlotViews slots{};
    int64_t most = 0;
    for (size_t i = 0; i < count; ++i) {
      slots.at[i] = view(job.slots[first + i]);
      most = std::max(most, slots.at[i].count);
    }
    if (most == 0) return;
    const int64_t blocks = std::min((most + kThreads - 1) / kThreads, int64_t{1024});
    const dim3 grid(static_cast<unsigned>(blocks), static_cast<unsigned>(count));
    visit_rule(job.rule, [&](auto rule) {
      launch(descend_slots<decltype(rule)>, grid, dim3(kThreads), 0, stream(), job.factors,
             job.stored, slots, static_cast<unsigned>(job.slots.size() - first), trouble);
    });
  }
};

}  // namespace

DescentOps& descent_ops() {
  static CudaDescent ops;
  return ops;
}

}  // namespace gibbslab::cuda
