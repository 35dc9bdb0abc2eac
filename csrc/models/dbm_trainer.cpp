#include "csrc/models/dbm_trainer.h"

#include <utility>

#include "csrc/core/error.h"
#include "csrc/core/interrupt.h"
#include "csrc/ops/backend.h"

namespace gibbslab {

DbmTrainer::DbmTrainer(Dbm& dbm, DbmTrainOptions options) : dbm_(dbm), options_(options) {
  require(options_.k >= 1, "train",
          [&] { return "k must be at least 1, got " + std::to_string(options_.k); });
  require(options_.n_chains >= 1, "train",
          [&] { return "n_chains must be at least 1, got " + std::to_string(options_.n_chains); });
  const Context& ctx = dbm.context();
  for (int64_t l = 0; l < dbm.layers(); ++l) {
    const int64_t n = dbm.size(l);
    chains_.emplace_back(ops::zero_bits(ctx, options_.n_chains, n));
    units_.push_back({ops::zeros(ctx, 1, n), ops::zeros(ctx, 1, n), ops::zeros(ctx, 1, n),
                      ops::zeros(ctx, 1, n)});
    if (l + 1 == dbm.layers()) break;
    const auto matrix = [&] { return ops::zeros(ctx, n, dbm.size(l + 1)); };
    pairs_.push_back({matrix(), matrix(), matrix(), matrix(), {}});
  }
}

void DbmTrainer::set_momentum(float momentum) {
  options_.momentum = momentum;
  if (momentum != 0.0f) return;
  for (Pair& pair : pairs_) pair.velocity.clear();
  for (Units& units : units_) units.velocity.clear();
}

TrainResult DbmTrainer::train(const Dataset& data, const BatchRange& range, float learning_rate) {
  return train_batches(dbm_.context(), data, dbm_.size(0), range, next_batch_,
                       [&](const States& v0) { return whole_step(v0, learning_rate); });
}

DbmTrainer::Snapshot DbmTrainer::snapshot() const {
  Snapshot now{dbm_.context().draws(), chains_, {}};
  if (options_.centered)
    for (const Units& units : units_) now.offsets.push_back(units.offset.clone());
  return now;
}

void DbmTrainer::restore(const Snapshot& before) {
  dbm_.context().set_draws(before.draws);
  chains_ = before.chains;
  for (size_t l = 0; l < before.offsets.size(); ++l) units_[l].offset = before.offsets[l];
}

// One step, or none at all: an interrupt or a divergence leaves the state before the batch.
std::string DbmTrainer::whole_step(const States& v0, float learning_rate) {
  const Snapshot before = snapshot();
  try {
    std::string diverged = step(v0, learning_rate);
    if (!diverged.empty()) restore(before);
    return diverged;
  } catch (...) {
    restore(before);
    throw;
  }
}

std::string DbmTrainer::step(const States& v0, float learning_rate) {
  const Phases p = sample_phases(v0);
  layer_gradients(p);
  if (options_.centered) prepare_centering(p);
  return apply(p, learning_rate);
}

// Of the model, even layers as sampled and odd ones by their means given these: the expectation of
// every product of neighbours, with the odd layer's noise summed out.
DbmTrainer::Phases DbmTrainer::sample_phases(const States& v0) {
  Phases p;
  const States v = options_.sample_input ? drawn_input(dbm_.context(), v0) : v0;
  MeanField posterior = dbm_.infer(v, options_.mean_field);
  iterations_ = posterior.iterations;
  p.data = std::move(posterior.layers);
  LayerSweeps sweeps;
  sweeps.steps = options_.k;
  sweeps.means = false;
  Layers chains = chains_;
  const std::vector<LayerState> last = dbm_.gibbs(chains, sweeps);
  for (size_t l = 0; l < last.size(); ++l)
    p.model.push_back(l % 2 == 0 ? States(last[l].sample) : States(last[l].mean));
  chains_ = std::move(chains);
  p.positive = 1.0f / static_cast<float>(v.rows());
  p.negative = 1.0f / static_cast<float>(options_.n_chains);
  return p;
}

void DbmTrainer::layer_gradients(const Phases& p) {
  const Context& ctx = dbm_.context();
  for (size_t l = 0; l < units_.size(); ++l) {
    Units& units = units_[l];
    // The data's mean first, which the centring follows; `gradient` is free until then.
    ops::column_sums(ctx, p.data[l], p.positive, false, units.gradient);
    if (options_.centered) add_running(ctx, units.offset, units.gradient, options_.offset_rate);
    ops::column_sums(ctx, p.model[l], -p.negative, false, units.raw);
    add_multiple(ctx, units.raw, units.gradient, 1.0);
    ops::linear(ctx, {1.0, &units.raw}, units.gradient);
  }
}

CdStatistics DbmTrainer::statistics(const Phases& p, int64_t l) const {
  return {&p.data[l], &p.data[l + 1], &p.model[l], &p.model[l + 1], p.positive, p.negative};
}

// As in RbmTrainer::prepare_centering, between any two layers: the weights' gradient is that of
// (x - mu)(y - lambda)^T, and the biases lose what the weights then explain.
void DbmTrainer::prepare_centering(const Phases& p) {
  for (size_t l = 0; l < pairs_.size(); ++l) {
    ops::cd_statistics(dbm_.context(), statistics(p, static_cast<int64_t>(l)), pairs_[l].gradient);
    centre_biases(static_cast<int64_t>(l));
  }
}

// G the uncentred gradient of the weights between layers x and y:
// gradient_x -= (G - mu dy^T - dx lambda^T) lambda, gradient_y -= (...)^T mu.
void DbmTrainer::centre_biases(int64_t l) {
  const Context& ctx = dbm_.context();
  Units &x = units_[l], &y = units_[l + 1];
  const Tensor& g = pairs_[l].gradient;
  ops::matmul(ctx, y.offset, false, g, true, -1.0f, 1.0f, x.gradient);
  ops::matmul(ctx, x.offset, false, g, false, -1.0f, 1.0f, y.gradient);
  add_multiple(ctx, x.gradient, x.offset, ops::dot(ctx, y.raw, y.offset));
  add_multiple(ctx, x.gradient, x.raw, ops::dot(ctx, y.offset, y.offset));
  add_multiple(ctx, y.gradient, y.offset, ops::dot(ctx, x.raw, x.offset));
  add_multiple(ctx, y.gradient, y.raw, ops::dot(ctx, x.offset, x.offset));
}

Update DbmTrainer::weight_update(int64_t l, float learning_rate) {
  Pair& pair = pairs_[l];
  // Earlier weights that a caller still looks at stay as they are.
  if (pair.spare.shared())
    pair.spare = ops::zeros(dbm_.context(), pair.spare.rows(), pair.spare.cols());
  Update job;
  job.weight = &dbm_.weights(l).get();
  job.gradient = &pair.gradient;
  job.new_weight = &pair.spare;
  if (options_.momentum != 0.0f) {
    job.velocity = &pair.velocity;
    job.new_velocity = &pair.spare_velocity;
  }
  job.learning_rate = learning_rate;
  job.momentum = options_.momentum;
  job.l1 = options_.l1;
  job.l2 = options_.l2;
  if (!options_.centered) return job;
  job.row_mean = &units_[l].offset;
  job.shift = &units_[l + 1].raw;
  job.row_shift = &units_[l].raw;
  job.mean = &units_[l + 1].offset;
  return job;
}

// Whether the transposed weights are those that are updated: the model's states are 0/1 in even
// layers, and an update is fast where the layer that its rows stand for has them. Velocities are
// not transposed.
bool DbmTrainer::upside_down(int64_t l) const {
  return l % 2 == 1 && !options_.centered && options_.momentum == 0.0f;
}

// Leaves the new weights in `spare` and, where they are not centred, `spare_transposed`.
bool DbmTrainer::update_pair(const Phases& p, int64_t l, float learning_rate) {
  const Context& ctx = dbm_.context();
  Pair& pair = pairs_[l];
  Update job = weight_update(l, learning_rate);
  // The centred gradient had to be known before the biases': it stands there already.
  if (options_.centered) return ops::update(ctx, job);
  CdStatistics s = statistics(p, l);
  if (!upside_down(l)) {
    pair.spare_transposed = dbm_.take_transposed(l);
    job.new_transposed = &pair.spare_transposed;
    return ops::cd_update(ctx, s, job);
  }
  if (pair.spare_transposed.empty())
    pair.spare_transposed = ops::zeros(ctx, pair.spare.cols(), pair.spare.rows());
  job.weight = &dbm_.weights(l).transposed(ctx);
  job.gradient = nullptr;
  job.new_weight = &pair.spare_transposed;
  job.new_transposed = &pair.spare;
  std::swap(s.v0, s.h0);
  std::swap(s.v1, s.h1);
  return ops::cd_update(ctx, s, job);
}

// The storage of the old ones takes the next step's.
void DbmTrainer::take_new_weights(int64_t l) {
  Pair& pair = pairs_[l];
  Tensor old = dbm_.weights(l).get();
  Tensor transposed = upside_down(l) ? dbm_.weights(l).transposed(dbm_.context()) : Tensor();
  if (options_.centered)
    dbm_.set_weights(l, pair.spare);
  else
    dbm_.set_weights(l, pair.spare, pair.spare_transposed);
  pair.spare = std::move(old);
  pair.spare_transposed = std::move(transposed);
}

std::string DbmTrainer::apply(const Phases& p, float learning_rate) {
  const Context& ctx = dbm_.context();
  for (size_t i = 0; i < pairs_.size(); ++i)
    if (!update_pair(p, static_cast<int64_t>(i), learning_rate))
      return "weights[" + std::to_string(i) + "]";
  std::vector<ParameterStep> steps;
  for (size_t l = 0; l < units_.size(); ++l) {
    const Units& units = units_[l];
    steps.emplace_back(ctx, dbm_.bias(static_cast<int64_t>(l)), units.gradient, units.velocity,
                       learning_rate, options_.momentum);
    if (!steps.back().finite) return "biases[" + std::to_string(l) + "]";
  }
  for (size_t i = 0; i < pairs_.size(); ++i) take_new_weights(static_cast<int64_t>(i));
  for (size_t l = 0; l < steps.size(); ++l) dbm_.set_bias(static_cast<int64_t>(l), steps[l].value);
  if (options_.momentum != 0.0f) keep_velocities(steps);
  return "";
}

void DbmTrainer::keep_velocities(const std::vector<ParameterStep>& steps) {
  for (size_t l = 0; l < steps.size(); ++l) units_[l].velocity = steps[l].velocity;
  for (Pair& pair : pairs_) std::swap(pair.velocity, pair.spare_velocity);
}

}  // namespace gibbslab
