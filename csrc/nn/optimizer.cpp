#include "csrc/nn/optimizer.h"

#include <cmath>
#include <cstdint>
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
  trouble_ = ops::zeros(parameters_[0].context(), 1, 1);
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

// A graph may still hold what was the value before the last.
void Optimizer::free_spare(size_t i) {
  const Variable& x = parameters_[i];
  Tensor& spare = state_[i].spare;
  if (spare.shared()) spare = ops::zeros(x.context(), x.rows(), x.cols());
}

DescentSlot Optimizer::slot(size_t i) {
  free_spare(i);
  const Variable& x = parameters_[i];
  const State& state = state_[i];
  return {x.value(), x.gradient().value(), state.spare, state.first, state.second};
}

void Optimizer::add_places(std::vector<const void*>& out) {
  out.push_back(trouble_.data());
  out.push_back(reinterpret_cast<const void*>(static_cast<std::uintptr_t>(rule_)));
  for (size_t i = 0; i < parameters_.size(); ++i) {
    free_spare(i);
    const State& state = state_[i];
    for (const Tensor* x : {&parameters_[i].value(), &state.spare, &state.first, &state.second})
      out.push_back(x->data());
  }
}

void Optimizer::queue(const DescentFactors* stored) {
  Descent job;
  job.rule = rule_;
  if (stored == nullptr) job.factors = next_factors();
  job.stored = stored;
  for (size_t i = 0; i < parameters_.size(); ++i)
    if (parameters_[i].gradient()) job.slots.push_back(slot(i));
  ops::descend(parameters_[0].context(), job, trouble_);
}

int64_t Optimizer::finish() {
  std::vector<size_t> moved;
  for (size_t i = 0; i < parameters_.size(); ++i)
    if (parameters_[i].gradient()) moved.push_back(i);
  const auto found = static_cast<size_t>(trouble_.to(host_memory()).row(0)[0]);
  if (found > 0) {
    begin();
    return static_cast<int64_t>(moved[moved.size() - found]);
  }
  ++steps_;
  for (const size_t i : moved) {
    Tensor old = parameters_[i].value();
    parameters_[i].assign(state_[i].spare);
    state_[i].spare = std::move(old);
  }
  return -1;
}

int64_t Optimizer::step() {
  queue(nullptr);
  return finish();
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
