#include "csrc/models/unit_rbm_trainer.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "csrc/core/error.h"
#include "csrc/core/faults.h"
#include "csrc/core/interrupt.h"
#include "csrc/ops/backend.h"

namespace gibbslab {
namespace {

Tensor combined(const Context& ctx, double p, const Tensor& x, double q, const Tensor& y) {
  Tensor out = ops::zeros(ctx, x.rows(), x.cols());
  ops::linear(ctx, {p, &x, q, &y}, out);
  return out;
}

Tensor over(const Context& ctx, const Tensor& x, const Tensor* rows, const Tensor* cols) {
  if (rows == nullptr && cols == nullptr) return x;
  Tensor out = ops::zeros(ctx, x.rows(), x.cols());
  ops::divide_by(ctx, x, rows, cols, out);
  return out;
}

}  // namespace

UnitRbmTrainer::UnitRbmTrainer(UnitRbm& rbm, UnitTrainOptions options)
    : rbm_(rbm), options_(options) {
  const TrainOptions& o = options_;
  const int64_t v = rbm.visible_size(), h = rbm.hidden_size();
  require(o.k >= 1, "train", [&] { return "k must be at least 1, got " + std::to_string(o.k); });
  const bool chains = o.persistent && !options_.exact;
  require(!chains || o.n_chains >= 1, "train",
          [&] { return "n_chains must be at least 1, got " + std::to_string(o.n_chains); });
  require(o.n_temperatures == 1, "train",
          [&] { return "n_temperatures must be 1 for other than Bernoulli units"; });
  require(!options_.learn_variance || rbm.gaussian(Side::kVisible), "train",
          [&] { return "a learned variance needs Gaussian visible units"; });
  require(o.sparsity_cost <= 0.0f || rbm.type(Side::kHidden).kind == UnitKind::kBernoulli, "train",
          [&] { return "a sparsity target needs Bernoulli hidden units"; });
  require(!o.sample_input || rbm.type(Side::kVisible).kind == UnitKind::kBernoulli, "train",
          [&] { return "sample_input needs Bernoulli visible units"; });
  const Context& ctx = rbm.context();
  if (chains) state_.chains = ops::zeros(ctx, o.n_chains, h);
  state_.velocity_w = ops::zeros(ctx, v, h);
  for (Tensor* t : {&state_.velocity_a, &state_.velocity_variance, &state_.visible_offset})
    *t = ops::zeros(ctx, 1, v);
  for (Tensor* t : {&state_.velocity_b, &state_.hidden_offset, &state_.hidden_activity})
    *t = ops::zeros(ctx, 1, h);
}

void UnitRbmTrainer::set_momentum(float momentum) {
  options_.momentum = momentum;
  if (momentum != 0.0f) return;
  for (Tensor* t :
       {&state_.velocity_w, &state_.velocity_a, &state_.velocity_b, &state_.velocity_variance})
    t->clear();  // without momentum nothing keeps it up to date
}

TrainResult UnitRbmTrainer::train(const Dataset& data, const BatchRange& range,
                                  float learning_rate) {
  return train_batches(rbm_.context(), data, rbm_.visible_size(), range, next_batch_,
                       [&](const States& v0) { return whole_step(v0, learning_rate); });
}

// One step, or none at all: an interrupt or a divergence leaves the state before the batch.
// Every tensor of the state is replaced by a step, never written to.
std::string UnitRbmTrainer::whole_step(const States& v0, float learning_rate) {
  const State before = state_;
  const uint64_t draws = rbm_.context().draws();
  const auto restore = [&] {
    state_ = before;
    rbm_.context().set_draws(draws);
  };
  try {
    std::string diverged = step(v0, learning_rate);
    if (!diverged.empty()) restore();
    return diverged;
  } catch (...) {
    restore();
    throw;
  }
}

UnitMoments UnitRbmTrainer::negative_phase(const UnitState& h0) {
  if (options_.exact) return rbm_.exact_moments();
  const TrainOptions& o = options_;
  Sweeps sweeps;
  sweeps.steps = o.k;
  sweeps.visible_mean = false;
  sweeps.hidden_sample = o.persistent || o.hidden_samples;
  const UnitPass pass = rbm_.gibbs(Side::kHidden, o.persistent ? state_.chains : h0.sample, sweeps);
  if (o.persistent) state_.chains = pass.h1.sample;
  return rbm_.sampled_moments(pass.v1.sample, o.hidden_samples ? pass.h1.sample : pass.h1.mean);
}

UnitRbmTrainer::Phases UnitRbmTrainer::phases(const Tensor& v0) {
  const TrainOptions& o = options_;
  UnitState h0;
  if (options_.exact)
    h0.mean = rbm_.exact_mean(Side::kHidden, v0);
  else
    h0 = rbm_.half_step(Side::kHidden, v0, 1.0, true, !o.persistent || o.hidden_samples);
  const bool samples = o.hidden_samples && !options_.exact;
  const Context& ctx = rbm_.context();
  Phases p;
  p.hidden_mean = ops::zeros(ctx, 1, rbm_.hidden_size());
  ops::column_sums(ctx, States(h0.mean), 1.0f / static_cast<float>(v0.rows()), false,
                   p.hidden_mean);
  p.data = rbm_.sampled_moments(v0, samples ? h0.sample : h0.mean);
  p.visible_mean = p.data.visible;
  poll_interrupt();
  p.model = negative_phase(h0);
  return p;
}

// Of kappa (<(x - a)^2> / (2 s) - <x W~ h>) between the phases, kappa = 1 / T0; its terms in a^2
// cancel.
Tensor UnitRbmTrainer::log_variance_gradient(const Phases& p) const {
  const Context& ctx = rbm_.context();
  Memory& host = host_memory();
  const auto difference = [&](const Tensor& x, const Tensor& y) {
    return combined(ctx, 1.0, x, -1.0, y).to(host);
  };
  const Tensor squares = difference(p.data.squares, p.model.squares);
  const Tensor values = difference(p.data.visible, p.model.visible);
  const Tensor inputs = difference(p.data.inputs, p.model.inputs);
  const Tensor a = rbm_.bias(Side::kVisible).to(host), s = rbm_.variance(Side::kVisible).to(host);
  Tensor out = Tensor::zeros(1, a.cols());
  for (int64_t i = 0; i < a.cols(); ++i) {
    const double square = squares.data()[i] - 2.0 * a.data()[i] * values.data()[i];
    out.data()[i] =
        static_cast<float>((0.5 * square / s.data()[i] - inputs.data()[i]) / rbm_.temperature());
  }
  return out.to(ctx.backend().memory);
}

UnitRbmTrainer::Gradient UnitRbmTrainer::gradient(const Phases& p) const {
  const Context& ctx = rbm_.context();
  const double scale = 1.0 / rbm_.temperature();
  Gradient g;
  g.w = combined(ctx, scale, p.data.products, -scale, p.model.products);
  g.a = combined(ctx, scale, p.data.visible, -scale, p.model.visible);
  g.b = combined(ctx, scale, p.data.hidden, -scale, p.model.hidden);
  return g;
}

// Montavon and Mueller (2012), section 3: the weights' gradient is that of (v - mu)(h - lambda)^T,
// and the biases lose what the weights then explain. Offsets are of the same states as the biases;
// `visible` and `hidden` are the variances of Gaussian units, else null, as in W~.
void UnitRbmTrainer::centre(const Phases& p, const Tensor& visible, const Tensor& hidden,
                            Gradient& g) {
  const Context& ctx = rbm_.context();
  const double rate = options_.offset_rate;
  State& s = state_;
  s.visible_offset = combined(ctx, 1.0 - rate, s.visible_offset, rate, p.visible_mean);
  s.hidden_offset = combined(ctx, 1.0 - rate, s.hidden_offset, rate, p.hidden_mean);
  ops::matmul(ctx, s.visible_offset, true, g.b, false, -1.0f, 1.0f, g.w);
  ops::matmul(ctx, g.a, true, s.hidden_offset, false, -1.0f, 1.0f, g.w);
  const Tensor* by_row = visible.empty() ? nullptr : &visible;
  const Tensor* by_column = hidden.empty() ? nullptr : &hidden;
  const Tensor w = over(ctx, g.w, by_row, by_column);
  const Tensor mu = over(ctx, s.visible_offset, nullptr, by_row);
  const Tensor lambda = over(ctx, s.hidden_offset, nullptr, by_column);
  g.w = w;
  g.a = over(ctx, g.a, nullptr, by_row);
  g.b = over(ctx, g.b, nullptr, by_column);
  ops::matmul(ctx, lambda, false, w, true, -1.0f, 1.0f, g.a);
  ops::matmul(ctx, mu, false, w, false, -1.0f, 1.0f, g.b);
}

void UnitRbmTrainer::add_pressure(const Phases& p, Gradient& g) {
  const TrainOptions& o = options_;
  if (o.sparsity_cost <= 0.0f) return;
  const Context& ctx = rbm_.context();
  const double cost = o.sparsity_cost, decay = o.sparsity_decay;
  state_.hidden_activity = combined(ctx, decay, state_.hidden_activity, 1.0 - decay, p.hidden_mean);
  Tensor pressure = ops::zeros(ctx, 1, rbm_.hidden_size());
  ops::linear(ctx, {-cost, &state_.hidden_activity, 0.0, nullptr, cost * o.sparsity_target},
              pressure);
  g.b = combined(ctx, 1.0, g.b, 1.0, pressure);
  ops::matmul(ctx, p.visible_mean, true, pressure, false, 1.0f, 1.0f, g.w);
}

std::string UnitRbmTrainer::step(const States& v0, float learning_rate) {
  Context& ctx = rbm_.context();
  const Phases p = phases(ops::unpacked(ctx, options_.sample_input ? drawn_input(ctx, v0) : v0));
  Gradient g = gradient(p);
  if (options_.learn_variance) g.log_variance = log_variance_gradient(p);
  const Tensor visible = rbm_.gaussian(Side::kVisible) ? rbm_.variance(Side::kVisible) : Tensor();
  const Tensor hidden = rbm_.gaussian(Side::kHidden) ? rbm_.variance(Side::kHidden) : Tensor();
  if (options_.centered) {
    centre(p, visible, hidden, g);
  } else {
    const Tensor* by_row = visible.empty() ? nullptr : &visible;
    const Tensor* by_column = hidden.empty() ? nullptr : &hidden;
    g.w = over(ctx, g.w, by_row, by_column);
    g.a = over(ctx, g.a, nullptr, by_row);
    g.b = over(ctx, g.b, nullptr, by_column);
  }
  add_pressure(p, g);
  return apply(g, learning_rate);
}

// exp(log s + rate velocity), within the bounds.
Tensor UnitRbmTrainer::bounded_variance(const Tensor& old, const Tensor& velocity,
                                        float learning_rate) const {
  const Tensor s = old.to(host_memory()), step = velocity.to(host_memory());
  const double rate = fault("variance_rate_squared")
                          ? learning_rate * learning_rate
                          : double{learning_rate} * options_.variance_rate;
  Tensor out = Tensor::zeros(1, s.cols());
  for (int64_t i = 0; i < s.cols(); ++i) {
    const double next = s.data()[i] * std::exp(rate * step.data()[i]);
    out.data()[i] =
        std::clamp(static_cast<float>(next), options_.least_variance, options_.most_variance);
  }
  return out.to(rbm_.context().backend().memory);
}

std::string UnitRbmTrainer::apply(const Gradient& g, float learning_rate) {
  const Context& ctx = rbm_.context();
  const TrainOptions& o = options_;
  const auto step = [&](const Tensor& x, const Tensor& slope, const Tensor& velocity) {
    return ParameterStep(ctx, x, slope, velocity, learning_rate, o.momentum);
  };
  ParameterStep w(ctx, rbm_.weights(), g.w, state_.velocity_w, learning_rate, o.momentum, o.l1,
                  o.l2);
  if (!w.finite) return "W";
  const ParameterStep a = step(rbm_.bias(Side::kVisible), g.a, state_.velocity_a);
  if (!a.finite) return "v_bias";
  const ParameterStep b = step(rbm_.bias(Side::kHidden), g.b, state_.velocity_b);
  if (!b.finite) return "h_bias";
  if (options_.learn_variance) {
    const Tensor& old = rbm_.variance(Side::kVisible);
    const ParameterStep s = step(old, g.log_variance, state_.velocity_variance);
    if (!s.finite) return "v_variance";
    rbm_.set_variance(Side::kVisible, bounded_variance(old, s.velocity, learning_rate));
    state_.velocity_variance = s.velocity;
  }
  if (o.max_norm > 0.0f) ops::limit_column_norms(ctx, o.max_norm, w.value);
  rbm_.set_weights(w.value);
  rbm_.set_bias(Side::kVisible, a.value);
  rbm_.set_bias(Side::kHidden, b.value);
  if (o.momentum == 0.0f) return "";
  state_.velocity_w = w.velocity;
  state_.velocity_a = a.velocity;
  state_.velocity_b = b.velocity;
  return "";
}

}  // namespace gibbslab
