#include "csrc/models/classification_trainer.h"

#include <utility>

#include "csrc/core/error.h"
#include "csrc/core/faults.h"
#include "csrc/core/interrupt.h"

namespace gibbslab {
ClassificationTrainer::ClassificationTrainer(ClassificationRbm& rbm, ClassificationOptions options)
    : rbm_(rbm), options_(options) {
  require(options_.k >= 1, "train",
          [&] { return "k must be at least 1, got " + std::to_string(options_.k); });
  require(!options_.persistent || options_.n_chains >= 1, "train",
          [&] { return "n_chains must be at least 1, got " + std::to_string(options_.n_chains); });
  require(options_.discriminative >= 0.0f && options_.generative >= 0.0f, "train",
          [&] { return "discriminative and generative must be at least 0"; });
  const Context& ctx = rbm.context();
  const int64_t v = rbm.visible_size(), h = rbm.hidden_size(), k = rbm.classes();
  if (options_.persistent) chains_ = ops::zero_bits(ctx, options_.n_chains, h);
  velocities_ = {ops::zeros(ctx, v, h), ops::zeros(ctx, k, h), ops::zeros(ctx, 1, v),
                 ops::zeros(ctx, 1, h), ops::zeros(ctx, 1, k)};
}

void ClassificationTrainer::set_momentum(float momentum) {
  options_.momentum = momentum;
  if (momentum != 0.0f) return;
  for (Tensor* velocity :
       {&velocities_.w, &velocities_.u, &velocities_.a, &velocities_.b, &velocities_.d})
    velocity->clear();
}

TrainResult ClassificationTrainer::train(const LabelledDataset& data, const BatchRange& range,
                                         float learning_rate) {
  return train_batches(rbm_.context(), data, rbm_.visible_size(), rbm_.classes(), range,
                       next_batch_, [&](const States& v, const std::vector<int64_t>& labels) {
                         return whole_step(v, labels, learning_rate);
                       });
}

// One step, or none at all: an interrupt or a divergence leaves the state before the batch.
std::string ClassificationTrainer::whole_step(const States& v, const std::vector<int64_t>& labels,
                                              float learning_rate) {
  const uint64_t draws = rbm_.context().draws();
  const BitTensor chains = chains_;
  const auto restore = [&] {
    rbm_.context().set_draws(draws);
    chains_ = chains;
  };
  try {
    std::string diverged = step(v, labels, learning_rate);
    if (!diverged.empty()) restore();
    return diverged;
  } catch (...) {
    restore();
    throw;
  }
}

std::string ClassificationTrainer::step(const States& given, const std::vector<int64_t>& labels,
                                        float learning_rate) {
  Context& ctx = rbm_.context();
  const States v = options_.sample_input ? drawn_input(ctx, given) : given;
  const int64_t hidden = rbm_.hidden_size(), classes = rbm_.classes();
  Gradient gradient{ops::zeros(ctx, rbm_.visible_size(), hidden), ops::zeros(ctx, classes, hidden),
                    ops::zeros(ctx, 1, rbm_.visible_size()), ops::zeros(ctx, 1, hidden),
                    ops::zeros(ctx, 1, classes)};
  // What v is multiplied by in the gradient of W, of both terms.
  Tensor by_visible = ops::zeros(ctx, v.rows(), hidden);
  if (options_.discriminative > 0.0f) add_discriminative(v, labels, by_visible, gradient);
  poll_interrupt();
  Negative negative{ops::zero_bits(ctx, 1, rbm_.visible_size()), ops::zero_bits(ctx, 1, hidden),
                    BitTensor(), 0.0f};
  if (options_.generative > 0.0f) {
    const BitTensor y = one_hot(ctx, labels, classes);
    const LayerState h0 = rbm_.hidden(v, y, true, !options_.persistent);
    negative = negative_phase(h0);
    add_multiple(ctx, by_visible, h0.mean,
                 fault("class_alpha_ignored") ? 1.0 : options_.generative);
    add_generative(v, y, h0, negative, gradient);
  }
  const States positive(by_visible);
  const float mean = 1.0f / static_cast<float>(v.rows());
  ops::cd_statistics(ctx, {&v, &positive, &negative.v, &negative.h, mean, negative.scale},
                     gradient.w);
  ops::column_sums(ctx, positive, mean, true, gradient.b);
  return apply(gradient, learning_rate);
}

// d log p(y | v) / d theta = sum_k (1[k = y] - p(k | v)) E[d -E / d theta | v, k], Larochelle and
// Bengio (2008), eq. 8.
void ClassificationTrainer::add_discriminative(const States& v, const std::vector<int64_t>& labels,
                                               Tensor& hidden, Gradient& gradient) {
  const Context& ctx = rbm_.context();
  const int64_t rows = v.rows(), classes = rbm_.classes();
  ClassScores tried = rbm_.class_scores(v, true);
  softmax_rows(tried.scores, classes, false);
  Tensor by_label = Tensor::zeros(rows * classes, classes), bias = Tensor::zeros(1, classes);
  const double weight = options_.discriminative;
  for (int64_t i = 0; i < rows * classes; ++i) {
    double& c = tried.scores[static_cast<size_t>(i)];
    const bool own = labels[static_cast<size_t>(i / classes)] == i % classes;
    c = weight * ((own ? 1.0 : 0.0) - c);
    by_label.row(i)[i % classes] = static_cast<float>(c / static_cast<double>(rows));
    bias.data()[i % classes] += by_label.row(i)[i % classes];
  }
  gradient.d = bias.to(ctx.backend().memory);
  sum_over_labels(ctx, tried.scores, classes, tried.means, hidden);
  ops::matmul(ctx, by_label.to(ctx.backend().memory), true, tried.means, false, 1.0f, 0.0f,
              gradient.u);
}

ClassificationTrainer::Negative ClassificationTrainer::negative_phase(const LayerState& h0) {
  const CdPass pass = rbm_.gibbs_from_hidden(options_.persistent ? chains_ : h0.sample,
                                             {options_.k, BitTensor(), false, options_.persistent});
  if (options_.persistent) chains_ = pass.h1.sample;
  Negative out{pass.v1.sample, pass.h1.mean, pass.y1, 0.0f};
  out.scale = options_.generative / static_cast<float>(out.v.rows());
  return out;
}

// All but the part of W, which both terms share, and that of b which its positive phase leaves.
void ClassificationTrainer::add_generative(const States& v, const BitTensor& y,
                                           const LayerState& h0, const Negative& negative,
                                           Gradient& gradient) {
  const Context& ctx = rbm_.context();
  const float positive = options_.generative / static_cast<float>(v.rows());
  const States y0(y), mean(h0.mean);
  const States y1 = fault("class_negative_label_of_data") && y.rows() == negative.v.rows()
                        ? y0
                        : States(negative.y);
  Tensor by_label = ops::zeros(ctx, rbm_.classes(), rbm_.hidden_size());
  ops::cd_statistics(ctx, {&y0, &mean, &y1, &negative.h, positive, negative.scale}, by_label);
  add_multiple(ctx, gradient.u, by_label, 1.0);
  ops::column_sums(ctx, v, positive, true, gradient.a);
  ops::column_sums(ctx, negative.v, -negative.scale, true, gradient.a);
  ops::column_sums(ctx, negative.h, -negative.scale, true, gradient.b);
  ops::column_sums(ctx, y0, positive, true, gradient.d);
  ops::column_sums(ctx, y1, -negative.scale, true, gradient.d);
}

std::string ClassificationTrainer::apply(const Gradient& g, float rate) {
  const Context& ctx = rbm_.context();
  Velocities& old = velocities_;
  const float momentum = options_.momentum, l1 = options_.l1, l2 = options_.l2;
  const ParameterStep w(ctx, rbm_.weights().get(), g.w, old.w, rate, momentum, l1, l2),
      u(ctx, rbm_.label_weights().get(), g.u, old.u, rate, momentum, l1, l2),
      a(ctx, rbm_.visible_bias(), g.a, old.a, rate, momentum),
      b(ctx, rbm_.hidden_bias(), g.b, old.b, rate, momentum),
      d(ctx, rbm_.label_bias(), g.d, old.d, rate, momentum);
  if (!w.finite) return "W";
  if (!u.finite) return "U";
  if (!a.finite) return "v_bias";
  if (!b.finite) return "h_bias";
  if (!d.finite) return "y_bias";
  rbm_.set_weights(w.value);
  rbm_.set_label_weights(u.value);
  rbm_.set_visible_bias(a.value);
  rbm_.set_hidden_bias(b.value);
  rbm_.set_label_bias(d.value);
  if (momentum != 0.0f) old = {w.velocity, u.velocity, a.velocity, b.velocity, d.velocity};
  return "";
}

}  // namespace gibbslab
