#include "csrc/nn/optimizer.h"

#include <cmath>
#include <utility>

#include "csrc/core/error.h"
#include "csrc/ops/backend.h"

namespace gibbslab::nn {

DescentFactors descent_factors(DescentRule rule, const DescentSettings& settings, int64_t t) {
  DescentFactors out;
  out.rate = static_cast<float>(settings.rate);
  out.momentum = static_cast<float>(settings.momentum);
  out.decay = static_cast<float>(settings.decay);
  out.epsilon = static_cast<float>(settings.epsilon);
  out.weight_decay = static_cast<float>(settings.weight_decay);
  if (rule != DescentRule::kAdam && rule != DescentRule::kAdamW) return out;
  const double steps = static_cast<double>(t);
  out.first_scale = static_cast<float>(settings.rate / (1.0 - std::pow(settings.momentum, steps)));
  out.second_scale = static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(settings.decay, steps)));
  return out;
}

Optimizer::Optimizer(std::vector<Variable> parameters, DescentRule rule,
                     const DescentSettings& settings)
    : parameters_(std::move(parameters)), rule_(rule), settings_(settings) {
  require(!parameters_.empty(), "Optimizer", [] { return "there must be a parameter"; });
  for (const Variable& x : parameters_)
    require(x.leaf() && x.needs_gradient() &&
                &x.context().backend() == &parameters_[0].context().backend(),
            "Optimizer", [] { return "parameters must be leaves that lie on one device"; });
  begin();
}

void Optimizer::begin() {
  steps_ = 0;
  state_.clear();
  for (const Variable& x : parameters_) {
    const auto room = [&] { return ops::zeros(x.context(), x.rows(), x.cols()); };
    state_.push_back({room(), room(), room()});
  }
}

DescentSlot Optimizer::slot(size_t i) {
  const Variable& x = parameters_[i];
  State& state = state_[i];
  // A graph may still hold what was the value before the last.
  if (state.spare.shared()) state.spare = ops::zeros(x.context(), x.rows(), x.cols());
  return {x.value(), x.gradient().value(), state.spare, state.first, state.second};
}

int64_t Optimizer::step() {
  Descent job;
  job.rule = rule_;
  job.factors = descent_factors(rule_, settings_, steps_ + 1);
  std::vector<size_t> moved;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    if (!parameters_[i].gradient()) continue;
    moved.push_back(i);
    job.slots.push_back(slot(i));
  }
  const int64_t trouble = ops::descend(parameters_[0].context(), job);
  job.slots.clear();  // its handles
  if (trouble >= 0) {
    begin();
    return static_cast<int64_t>(moved[static_cast<size_t>(trouble)]);
  }
  ++steps_;
  for (const size_t i : moved) {
    Tensor old = parameters_[i].value();
    parameters_[i].assign(state_[i].spare);
    state_[i].spare = std::move(old);
  }
  return -1;
}

void Optimizer::clear_gradients() {
  for (const Variable& x : parameters_) x.set_gradient({});
}

void Optimizer::restore(int64_t steps, std::vector<Tensor> first, std::vector<Tensor> second) {
  require(first.size() == state_.size() && second.size() == state_.size(), "restore", [&] {
    return "there must be averages for " + std::to_string(state_.size()) + " parameters, got " +
           std::to_string(first.size()) + " and " + std::to_string(second.size());
  });
  for (size_t i = 0; i < state_.size(); ++i)
    for (const Tensor* x : {&first[i], &second[i]})
      require(x->rows() == parameters_[i].rows() && x->cols() == parameters_[i].cols(), "restore",
              [&] {
                return "averages must have the shape of their parameter " +
                       shape_string(parameters_[i].rows(), parameters_[i].cols()) + ", got " +
                       shape_string(x->rows(), x->cols());
              });
  steps_ = steps;
  for (size_t i = 0; i < state_.size(); ++i) {
    state_[i].first = std::move(first[i]);
    state_[i].second = std::move(second[i]);
  }
}

}  // namespace gibbslab::nn
