// Losses with their gradients, in one pass.
#pragma once

#include "csrc/core/context.h"
#include "csrc/core/neural.h"
#include "csrc/core/tensor.h"

namespace gibbslab {

// rows (N, 1) = the loss of each row, a sum over its C elements (loss_formulas.h); the gradients
// are scale times the derivatives, times *factor where that is given. log_variance and target are
// for the kinds that have them.
struct Loss {
  LossKind kind = LossKind::kSquaredError;
  const Tensor *prediction = nullptr, *log_variance = nullptr, *target = nullptr;  // (N, C)
  Tensor* rows = nullptr;                                                          // (N, 1)
  Tensor *gradient = nullptr, *log_variance_gradient = nullptr;  // (N, C); null: not wanted
  float scale = 1.0f;
  const float* factor = nullptr;  // where the context computes
};

struct LossOps {
  virtual ~LossOps() = default;
  virtual void loss(const Context& ctx, const Loss& job) = 0;
};

namespace ops {

void loss(const Context& ctx, const Loss& job);

}  // namespace ops
}  // namespace gibbslab
