#include "csrc/models/rbm_trainer.h"

#include <algorithm>
#include <utility>

#include "csrc/core/error.h"
#include "csrc/core/faults.h"
#include "csrc/core/interrupt.h"
#include "csrc/models/moments.h"

namespace gibbslab {
namespace {

// Sweeps after which the ladder moves, and how far: the model changes, and the ladder follows. An
// even number, so that every pair is proposed.
constexpr int64_t kLadderWindow = 100;
constexpr double kLadderRate = 0.5;

// From 0 to 1.
std::vector<double> even_ladder(int64_t count) {
  std::vector<double> betas(static_cast<size_t>(count));
  for (size_t t = 0; t < betas.size(); ++t)
    betas[t] = static_cast<double>(t) / static_cast<double>(count - 1);
  return betas;
}

States statistics_of(const LayerState& h, bool samples) {
  if (samples) return h.sample;
  return h.mean;
}

}  // namespace

RbmTrainer::RbmTrainer(Rbm& rbm, TrainOptions options) : rbm_(rbm), options_(options) {
  const int64_t v = rbm.visible_size(), h = rbm.hidden_size();
  require(options_.k >= 1, "train",
          [&] { return "k must be at least 1, got " + std::to_string(options_.k); });
  require(!options_.persistent || options_.n_chains >= 1, "train",
          [&] { return "n_chains must be at least 1, got " + std::to_string(options_.n_chains); });
  require(options_.n_temperatures >= 1, "train", [&] {
    return "n_temperatures must be at least 1, got " + std::to_string(options_.n_temperatures);
  });
  const Context& ctx = rbm.context();
  require(!options_.exact || !options_.persistent, "train",
          [&] { return "persistent chains have no part in exact training"; });
  if (options_.persistent && options_.n_temperatures > 1)
    tempering_.emplace(rbm, even_ladder(options_.n_temperatures), options_.n_chains);
  else if (options_.persistent)
    chains_ = ops::zero_bits(ctx, options_.n_chains, h);
  velocity_w_ = ops::zeros(ctx, v, h);
  velocity_a_ = ops::zeros(ctx, 1, v);
  velocity_b_ = ops::zeros(ctx, 1, h);
  visible_offset_ = ops::zeros(ctx, 1, v);
  hidden_offset_ = ops::zeros(ctx, 1, h);
  hidden_activity_ = ops::zeros(ctx, 1, h);
  gradient_w_ = ops::zeros(ctx, v, h);
  gradient_a_ = ops::zeros(ctx, 1, v);
  gradient_b_ = ops::zeros(ctx, 1, h);
  pressure_ = ops::zeros(ctx, 1, h);
  visible_mean_ = ops::zeros(ctx, 1, v);
  spare_w_ = ops::zeros(ctx, v, h);
  spare_velocity_w_ = ops::zeros(ctx, v, h);
}

void RbmTrainer::set_momentum(float momentum) {
  options_.momentum = momentum;
  if (momentum != 0.0f) return;
  velocity_w_.clear();  // without momentum nothing keeps it up to date
  velocity_a_.clear();
  velocity_b_.clear();
}

TrainResult RbmTrainer::train(const Dataset& data, const int64_t* order, int64_t n,
                              int64_t batch_size, int64_t first, int64_t last,
                              float learning_rate) {
  const BatchRange range{order, n, std::min(batch_size, std::max<int64_t>(n, 1)), first, last};
  if (data.cols() == rbm_.visible_size() && runs(data, range.batch_size))
    return train_in_runs(*data.bits(), range, learning_rate);
  return train_batches(rbm_.context(), data, rbm_.visible_size(), range, next_batch_,
                       [&](const States& v0) { return whole_step(v0, batch_size, learning_rate); });
}

RbmTrainer::Phases RbmTrainer::sample_phases(States v0) {
  Context& ctx = rbm_.context();
  Phases p;
  if (options_.sample_input) v0 = drawn_input(ctx, v0);
  p.v0 = std::move(v0);
  // Persistent chains need no sample of the positive phase, unless the statistics use it.
  const bool sample = (!options_.persistent && !options_.exact) || options_.hidden_samples;
  p.h0 = rbm_.half_step(p.v0, Direction::kUp, 1.0f, true, sample);
  poll_interrupt();
  if (options_.exact)
    no_negative(p);
  else if (tempering_)
    tempered_negative(p);
  else
    plain_negative(p);
  return p;
}

// Operands of the statistics, which the exact gradient weighs by 0.
void RbmTrainer::no_negative(Phases& p) {
  const Context& ctx = rbm_.context();
  p.v1 = ops::zero_bits(ctx, 1, rbm_.visible_size());
  p.h1.mean = ops::zeros(ctx, 1, rbm_.hidden_size());
  p.h1.sample = ops::zero_bits(ctx, 1, rbm_.hidden_size());
}

void RbmTrainer::plain_negative(Phases& p) {
  Sweeps sweeps;
  sweeps.steps = options_.k;
  sweeps.visible_mean = false;
  sweeps.hidden_sample = options_.persistent || options_.hidden_samples;
  CdPass pass = rbm_.gibbs_from_hidden(options_.persistent ? chains_ : p.h0.sample, sweeps);
  p.v1 = pass.v1.sample;
  p.h1 = std::move(pass.h1);
  if (options_.persistent) chains_ = p.h1.sample;
}

// The states at beta = 1 after k sweeps of all replicas.
void RbmTrainer::tempered_negative(Phases& p) {
  for (int64_t step = 0; step < options_.k; ++step) {
    tempering_->sweep(rbm_);
    if (tempering_->sweeps() % kLadderWindow == 0) tempering_->ladder().equalise(kLadderRate);
    poll_interrupt();
  }
  p.v1 = tempering_->visible_at(rbm_.context(), options_.n_temperatures - 1);
  p.h1 = rbm_.half_step(p.v1, Direction::kUp, 1.0f, true, options_.hidden_samples);
}

void RbmTrainer::bias_gradients(const Phases& p, float positive, float negative) {
  const Context& ctx = rbm_.context();
  const bool samples = options_.hidden_samples;
  ops::column_sums(ctx, p.v0, positive, false, visible_mean_);
  ops::column_sums(ctx, p.v1, -negative, false, gradient_a_);
  add_multiple(ctx, gradient_a_, visible_mean_, 1.0);
  ops::column_sums(ctx, statistics_of(p.h0, samples), positive, false, gradient_b_);
  ops::column_sums(ctx, statistics_of(p.h1, samples), -negative, true, gradient_b_);
}

// The expectations under the model, in place of a sampled negative phase.
void RbmTrainer::subtract_moments() {
  const Context& ctx = rbm_.context();
  const Moments model = exact_moments(rbm_);
  add_multiple(ctx, gradient_w_, model.products, -1.0);
  add_multiple(ctx, gradient_a_, model.visible, -1.0);
  add_multiple(ctx, gradient_b_, model.hidden, -1.0);
}

void RbmTrainer::prepare_pressure(const Phases& p, float positive) {
  if (options_.sparsity_cost <= 0.0f) return;
  const Context& ctx = rbm_.context();
  const double cost = options_.sparsity_cost;
  Tensor now = ops::zeros(ctx, 1, rbm_.hidden_size());
  ops::column_sums(ctx, p.h0.mean, positive, false, now);
  add_running(ctx, hidden_activity_, now, 1.0f - options_.sparsity_decay);
  ops::linear(ctx, {-cost, &hidden_activity_, 0.0, nullptr, cost * options_.sparsity_target},
              pressure_);
  add_multiple(ctx, gradient_b_, pressure_, 1.0);
}

// Montavon and Mueller (2012), section 3, written for the uncentred parameters: the weights'
// gradient is that of (v - mu)(h - lambda)^T, and the biases lose what the weights then explain.
void RbmTrainer::prepare_centering(const Phases& p, const CdStatistics& statistics) {
  if (!options_.centered) return;
  const Context& ctx = rbm_.context();
  Tensor hidden_now = ops::zeros(ctx, 1, rbm_.hidden_size());
  ops::column_sums(ctx, p.h0.mean, statistics.positive_scale, false, hidden_now);
  add_running(ctx, visible_offset_, visible_mean_, options_.offset_rate);
  add_running(ctx, hidden_offset_, hidden_now, options_.offset_rate);
  raw_a_ = gradient_a_.clone();
  raw_b_ = gradient_b_.clone();
  const double along_a = ops::dot(ctx, raw_a_, visible_offset_),
               along_b = ops::dot(ctx, raw_b_, hidden_offset_);
  const double square_v = ops::dot(ctx, visible_offset_, visible_offset_);
  const double square_h = ops::dot(ctx, hidden_offset_, hidden_offset_);
  // gradient_a -= (G - mu db^T - da lambda^T) lambda, gradient_b -= (...)^T mu
  ops::matmul(ctx, hidden_offset_, false, gradient_w_, true, -1.0f, 1.0f, gradient_a_);
  ops::matmul(ctx, visible_offset_, false, gradient_w_, false, -1.0f, 1.0f, gradient_b_);
  add_multiple(ctx, gradient_a_, visible_offset_, along_b);
  add_multiple(ctx, gradient_a_, raw_a_, square_h);
  add_multiple(ctx, gradient_b_, hidden_offset_, along_a);
  add_multiple(ctx, gradient_b_, raw_b_, square_v);
}

RbmTrainer::Snapshot RbmTrainer::snapshot() const {
  Snapshot now{rbm_.context().draws(), chains_, tempering_, {}, {}, {}};
  if (options_.centered) now.visible_offset = visible_offset_.clone();
  if (options_.centered) now.hidden_offset = hidden_offset_.clone();
  if (options_.sparsity_cost > 0.0f) now.hidden_activity = hidden_activity_.clone();
  return now;
}

void RbmTrainer::restore(const Snapshot& before) {
  rbm_.context().set_draws(before.draws);
  chains_ = before.chains;
  tempering_ = before.tempering;
  if (options_.centered) visible_offset_ = before.visible_offset;
  if (options_.centered) hidden_offset_ = before.hidden_offset;
  if (options_.sparsity_cost > 0.0f) hidden_activity_ = before.hidden_activity;
}

// One step, or none at all: an interrupt or a divergence leaves the state before the batch.
std::string RbmTrainer::whole_step(const States& v0, int64_t nominal_batch, float learning_rate) {
  const Snapshot before = snapshot();
  try {
    std::string diverged = step(v0, nominal_batch, learning_rate);
    if (!diverged.empty()) restore(before);
    return diverged;
  } catch (...) {
    restore(before);
    throw;
  }
}

std::string RbmTrainer::step(States v0, int64_t nominal_batch, float learning_rate) {
  const int64_t rows = fault("short_batch_divided_by_full") ? nominal_batch : v0.rows();
  const Phases p = sample_phases(std::move(v0));
  const float positive = 1.0f / static_cast<float>(rows);
  const float negative = 1.0f / static_cast<float>(p.v1.rows());
  const States h0 = statistics_of(p.h0, options_.hidden_samples);
  const States h1 = statistics_of(p.h1, options_.hidden_samples);
  const CdStatistics statistics{&p.v0, &h0, &p.v1, &h1, positive, negative};
  bias_gradients(p, positive, negative);
  if (options_.centered || options_.exact)
    ops::cd_statistics(rbm_.context(), statistics, gradient_w_);
  if (options_.exact) subtract_moments();
  prepare_centering(p, statistics);
  prepare_pressure(p, positive);
  return apply(statistics, learning_rate);
}

std::string RbmTrainer::apply(const CdStatistics& statistics, float learning_rate) {
  const Context& ctx = rbm_.context();
  // Earlier weights that a caller still looks at stay as they are.
  if (spare_w_.shared()) spare_w_ = ops::zeros(ctx, spare_w_.rows(), spare_w_.cols());
  Update job = weight_update(learning_rate);
  // The next step wants the transpose, which the fused update has at hand, unless W changes again.
  const bool known = options_.centered || options_.exact;
  const bool final_w = !known && options_.max_norm == 0.0f && ops::reads_transposed(ctx);
  Tensor transposed = final_w ? rbm_.take_transposed() : Tensor();
  if (final_w) job.new_transposed = &transposed;
  // The centred gradient had to be known before the biases', and the exact one is no statistics of
  // states: they stand in gradient_w_ already.
  if (!(known ? ops::update(ctx, job) : ops::cd_update(ctx, statistics, job))) return "W";
  const ParameterStep a(ctx, rbm_.visible_bias(), gradient_a_, velocity_a_, learning_rate,
                        options_.momentum);
  if (!a.finite) return "v_bias";
  const ParameterStep b(ctx, rbm_.hidden_bias(), gradient_b_, velocity_b_, learning_rate,
                        options_.momentum);
  if (!b.finite) return "h_bias";
  if (options_.max_norm > 0.0f) ops::limit_column_norms(ctx, options_.max_norm, spare_w_);
  Tensor old_w = *job.weight;
  if (final_w)
    rbm_.set_weights(spare_w_, transposed);
  else
    rbm_.set_weights(spare_w_);
  rbm_.set_visible_bias(a.value);
  rbm_.set_hidden_bias(b.value);
  spare_w_ = old_w;  // its storage takes the next step's weights
  if (options_.momentum == 0.0f) return "";
  velocity_a_ = a.velocity;
  velocity_b_ = b.velocity;
  std::swap(velocity_w_, spare_velocity_w_);
  return "";
}

Update RbmTrainer::weight_update(float learning_rate) {
  Update job;
  job.weight = &rbm_.weights().get();
  job.gradient = &gradient_w_;
  job.new_weight = &spare_w_;
  if (options_.momentum != 0.0f) {
    job.velocity = &velocity_w_;
    job.new_velocity = &spare_velocity_w_;
  }
  job.learning_rate = learning_rate;
  job.momentum = options_.momentum;
  job.l1 = options_.l1;
  job.l2 = options_.l2;
  if (options_.centered) {
    job.row_mean = &visible_offset_;
    job.shift = &raw_b_;
    job.row_shift = &raw_a_;
    job.mean = &hidden_offset_;
  }
  if (options_.sparsity_cost > 0.0f) {
    job.row_pressure = &visible_mean_;
    job.pressure = &pressure_;
  }
  return job;
}

}  // namespace gibbslab
