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
  const DescentFactors* stored = nullptr;  // instead of them, where the context computes
  std::vector<DescentSlot> slots;
};

struct DescentOps {
  virtual ~DescentOps() = default;
  virtual void descend(const Context& ctx, const Descent& job, Tensor& trouble) = 0;
};

namespace ops {

// trouble (1, 1) becomes 0; or, where new values are not finite, the number of slots less the index
// of the first slot that has such.
void descend(const Context& ctx, const Descent& job, Tensor& trouble);

}  // namespace ops
}  // namespace gibbslab
