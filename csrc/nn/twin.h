// How a fused operation is differentiated more than once.
#pragma once

#include <vector>

#include "csrc/nn/operations.h"

namespace gibbslab::nn {

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
