// Fused operations on variables. Each has a plain twin, the composition of plain operations that
// specifies it; where its gradient is to be differentiated again, the twin is.
#pragma once

#include "csrc/nn/operations.h"
#include "csrc/ops/loss.h"

namespace gibbslab::nn {

// f(x W^T + b): x (N, I), W (O, I), b (1, O) or empty; f an activation.
Variable dense(const Variable& x, const Variable& weight, const Variable& bias, Function f);
Variable plain_dense(const Variable& x, const Variable& weight, const Variable& bias, Function f);

// The operands of a loss (loss_formulas.h), each (N, C), those that the kind has.
struct LossOperands {
  Variable prediction, log_variance, target;
};

// scale times the loss of all elements together; (1, 1).
Variable loss(LossKind kind, const LossOperands& of, double scale);
Variable plain_loss(LossKind kind, const LossOperands& of, double scale);

}  // namespace gibbslab::nn
