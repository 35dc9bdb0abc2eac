#include "csrc/models/dbn_trainer.h"

#include <utility>

#include "csrc/core/faults.h"

namespace gibbslab {
namespace {

bool is_weights(const DbnParameter& which) {
  return which.part == DbnPart::kGenerative || which.part == DbnPart::kRecognition ||
         which.part == DbnPart::kTopWeights || which.part == DbnPart::kLabelWeights;
}

bool of_labels(const DbnParameter& which) {
  return which.part == DbnPart::kLabelWeights || which.part == DbnPart::kLabelBias;
}

bool in_top(const DbnParameter& which) {
  return which.part == DbnPart::kTopWeights || which.part == DbnPart::kTopVisibleBias ||
         which.part == DbnPart::kTopHiddenBias || of_labels(which);
}

}  // namespace

UpDownTrainer::UpDownTrainer(Dbn& dbn, UpDownOptions options) : dbn_(dbn), options_(options) {
  require(options_.k >= 1, "train",
          [&] { return "k must be at least 1, got " + std::to_string(options_.k); });
  for (const DbnParameter& which : dbn.parameters()) {
    if (options_.top_only && !in_top(which)) continue;
    const Tensor& value = dbn.get(which);
    slots_.push_back({which, ops::zeros(dbn.context(), value.rows(), value.cols())});
  }
}

void UpDownTrainer::set_momentum(float momentum) {
  options_.momentum = momentum;
  if (momentum != 0.0f) return;
  for (Slot& slot : slots_) slot.velocity.clear();
}

TrainResult UpDownTrainer::train(const Dataset& data, const BatchRange& range,
                                 float learning_rate) {
  require(dbn_.classes() == 0, "train", [&] { return "data must have labels, as the model has"; });
  return train_batches(dbn_.context(), data, dbn_.size(0), range, next_batch_,
                       [&](const States& v) { return whole_step({v, {}}, learning_rate); });
}

TrainResult UpDownTrainer::train(const LabelledDataset& data, const BatchRange& range,
                                 float learning_rate) {
  require(dbn_.classes() > 0, "train", [&] { return "data must have no labels, as the model"; });
  return train_batches(dbn_.context(), data, dbn_.size(0), dbn_.classes(), range, next_batch_,
                       [&](const States& v, const std::vector<int64_t>& labels) {
                         const BitTensor y = one_hot(dbn_.context(), labels, dbn_.classes());
                         return whole_step({v, y}, learning_rate);
                       });
}

// One step, or none at all: an interrupt or a divergence leaves the state before the batch.
std::string UpDownTrainer::whole_step(const Batch& batch, float learning_rate) {
  const uint64_t draws = dbn_.context().draws();
  try {
    std::string diverged = step(batch, learning_rate);
    if (!diverged.empty()) dbn_.context().set_draws(draws);
    return diverged;
  } catch (...) {
    dbn_.context().set_draws(draws);
    throw;
  }
}

std::string UpDownTrainer::step(Batch batch, float learning_rate) {
  if (options_.sample_input) batch.v = drawn_input(dbn_.context(), batch.v);
  const UpDownPass pass = dbn_.up_down(batch.v, {options_.k, options_.top_only, false, batch.y});
  std::vector<std::pair<Tensor, Tensor>> found(slots_.size());
  for (size_t i = 0; i < slots_.size(); ++i)
    if (!advance(slots_[i], moments(slots_[i].which, batch, pass), learning_rate, found[i].first,
                 found[i].second))
      return slots_[i].which.name;
  for (size_t i = 0; i < slots_.size(); ++i) {
    dbn_.set(slots_[i].which, found[i].first);
    if (options_.momentum != 0.0f) slots_[i].velocity = found[i].second;
  }
  return "";
}

UpDownTrainer::Moments UpDownTrainer::top_moments(const DbnParameter& which, const Batch& batch,
                                                  const UpDownPass& pass) const {
  const States h0 = pass.top.h0.mean, h1 = pass.top.h1.mean;
  if (which.part == DbnPart::kTopHiddenBias) return {h0, {}, h1, {}};
  if (of_labels(which)) {
    const States sampled = fault("up_down_negative_label_of_data") ? batch.y : pass.top.y1;
    return {batch.y, h0, sampled, h1};
  }
  const States below = pass.layers.empty() ? batch.v : States(pass.layers.back().up.sample);
  return {below, h0, pass.top.v1.sample, h1};
}

UpDownTrainer::Moments UpDownTrainer::moments(const DbnParameter& which, const Batch& batch,
                                              const UpDownPass& pass) const {
  if (in_top(which)) return top_moments(which, batch, pass);
  const DirectedPass& layer = pass.layers[which.layer];
  const bool wake = which.part == DbnPart::kGenerative || which.part == DbnPart::kDownBias;
  if (wake) {
    const States below =
        which.layer == 0 ? batch.v : States(pass.layers[which.layer - 1].up.sample);
    const States above = layer.up.sample;
    return {below, above, layer.predicted.mean, above};
  }
  const bool highest = which.layer + 1 == static_cast<int64_t>(pass.layers.size());
  const States above = highest ? pass.top.v1.sample : pass.layers[which.layer + 1].generated.sample;
  const States below = layer.generated.sample;
  if (which.part == DbnPart::kUpBias) return {above, {}, layer.recognised.mean, {}};
  return {below, above, below, layer.recognised.mean};
}

bool UpDownTrainer::advance(const Slot& slot, const Moments& m, float learning_rate, Tensor& value,
                            Tensor& velocity) const {
  if (is_weights(slot.which)) return advance_weights(slot, m, learning_rate, value, velocity);
  const Context& ctx = dbn_.context();
  const Tensor& now = dbn_.get(slot.which);
  Tensor gradient = ops::zeros(ctx, 1, now.cols());
  ops::column_sums(ctx, m.v0, 1.0f / static_cast<float>(m.v0.rows()), false, gradient);
  ops::column_sums(ctx, m.v1, -1.0f / static_cast<float>(m.v1.rows()), true, gradient);
  const ParameterStep step(ctx, now, gradient, slot.velocity, learning_rate, options_.momentum);
  value = step.value;
  velocity = step.velocity;
  return step.finite;
}

bool UpDownTrainer::advance_weights(const Slot& slot, const Moments& m, float learning_rate,
                                    Tensor& value, Tensor& velocity) const {
  const Context& ctx = dbn_.context();
  const Tensor& now = dbn_.get(slot.which);
  value = ops::zeros(ctx, now.rows(), now.cols());
  Update job;
  job.weight = &now;
  job.new_weight = &value;
  if (options_.momentum != 0.0f) {
    velocity = ops::zeros(ctx, now.rows(), now.cols());
    job.velocity = &slot.velocity;
    job.new_velocity = &velocity;
  }
  job.learning_rate = learning_rate;
  job.momentum = options_.momentum;
  job.l2 = options_.l2;
  const float share = 1.0f / static_cast<float>(m.v0.rows());
  return ops::cd_update(ctx, {&m.v0, &m.h0, &m.v1, &m.h1, share, share}, job);
}

}  // namespace gibbslab
