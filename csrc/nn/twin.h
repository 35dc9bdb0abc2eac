// How a fused operation is differentiated: once, and more often.
#pragma once

#include <vector>

#include "csrc/nn/operations.h"
#include "csrc/ops/backend.h"

namespace gibbslab::nn {

// The gradient at the input to the activation that gave the step's output, of its shape.
inline Tensor before_activation(Function f, const Backprop& step) {
  const Variable& g = step.gradient();
  if (f.kind == FunctionKind::kIdentity) return g.value();
  Tensor out = ops::zeros(g.context(), g.rows(), g.cols());
  ops::times_slope(g.context(), f, step.output().value(), g.value(), out);
  return out;
}

// Differentiates twin(inputs) in place of the fused operation whose backward calls it. Every input
// has a name of its own there: one variable may be several of them.
template <class Twin>
void through_twin(Backprop& step, const Twin& twin) {
  std::vector<Variable> inputs;
  for (size_t i = 0; i < step.inputs(); ++i) {
    const Variable x = step.input(i);
    inputs.push_back(step.differentiable() ? identity(x)
                                           : Variable(x.context(), x.value(), step.needs(i)));
  }
  const std::vector<Variable> found =
      gradients(twin(inputs), step.gradient(), inputs, step.differentiable());
  for (size_t i = 0; i < inputs.size(); ++i) step.give(i, found[i]);
}

}  // namespace gibbslab::nn
