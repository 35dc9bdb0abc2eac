// Gradient descent on variables.
#pragma once

#include <string>
#include <vector>

#include "csrc/nn/variable.h"
#include "csrc/ops/descent.h"

namespace gibbslab::nn {

// The numbers of descent_formulas.h that the user sets.
struct DescentSettings {
  double rate = 1e-3, momentum = 0.9, decay = 0.999, epsilon = 1e-8, weight_decay = 0.0;
};

// What a step numbered t = 1, 2, ... computes with.
DescentFactors descent_factors(DescentRule rule, const DescentSettings& settings, int64_t t);

// Keeps the moving averages of parameters, which all lie on one device.
class Optimizer {
 public:
  Optimizer(std::vector<Variable> parameters, DescentRule rule, const DescentSettings& settings);

  // Moves every parameter that has a gradient. Returns -1; or, with all parameters as they were and
  // the averages begun anew, the index of one that would have become infinite or NaN.
  int64_t step();
  // The same in parts, for steps that are recorded: what the next step computes with; its work, by
  // factors that lie where the parameters do; and, once that is done, what step() returns.
  DescentFactors next_factors() const { return descent_factors(rule_, settings_, steps_ + 1); }
  void queue(const DescentFactors* stored);
  int64_t finish();
  // Where the work reads and writes; before it is queued.
  void add_places(std::vector<const void*>& out);
  void clear_gradients();

  const std::vector<Variable>& parameters() const { return parameters_; }
  DescentSettings& settings() { return settings_; }
  int64_t steps() const { return steps_; }
  // The moving averages of parameter i, first and second, with its shape.
  const Tensor& first(size_t i) const { return state_[i].first; }
  const Tensor& second(size_t i) const { return state_[i].second; }
  void restore(int64_t steps, std::vector<Tensor> first, std::vector<Tensor> second);

 private:
  struct State {
    Tensor first, second, spare;
  };
  DescentSlot slot(size_t i);
  void free_spare(size_t i);
  void begin();

  std::vector<Variable> parameters_;
  DescentRule rule_;
  DescentSettings settings_;
  int64_t steps_ = 0;
  std::vector<State> state_;
  Tensor trouble_;  // (1, 1), of the step that is under way
};

}  // namespace gibbslab::nn
