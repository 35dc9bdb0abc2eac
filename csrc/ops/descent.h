// A step of an optimiser, over all parameters in one pass.
#pragma once

#include <vector>

#include "csrc/core/context.h"
#include "csrc/core/neural.h"
#include "csrc/core/tensor.h"

namespace gibbslab {

// Tensors of one shape and layout (padded); new_weight is not weight, first and second are updated
// in place.
struct DescentSlot {
  Tensor weight, gradient, new_weight, first, second;
};

struct Descent {
  DescentRule rule = DescentRule::kAdam;
  DescentFactors factors;
  std::vector<DescentSlot> slots;
};

struct DescentOps {
  virtual ~DescentOps() = default;
  virtual int64_t descend(const Context& ctx, const Descent& job) = 0;
};

namespace ops {

// The index of a slot of which a new value is not finite, or -1.
int64_t descend(const Context& ctx, const Descent& job);

}  // namespace ops
}  // namespace gibbslab
