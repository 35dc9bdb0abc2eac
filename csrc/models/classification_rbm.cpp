#include "csrc/models/classification_rbm.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "csrc/core/choice.h"
#include "csrc/core/error.h"
#include "csrc/core/faults.h"
#include "csrc/core/interrupt.h"
#include "csrc/ops/backend.h"
#include "csrc/ops/shapes.h"

namespace gibbslab {
namespace {

// Bounds the memory of all labels tried with a block of rows: 16 MiB of floats.
constexpr int64_t kMostInputs = int64_t{1} << 22;
// Rows whose labels are summed in one product.
constexpr int64_t kTogether = 16;

// One row of numbers of the device, on the host in float64.
std::vector<double> row_values(const Tensor& x) {
  const Tensor here = x.to(host_memory());
  return {here.data(), here.data() + here.cols()};
}

double log_sum_exp(const double* row, int64_t count, int64_t stride) {
  double largest = row[0], total = 0.0;
  for (int64_t k = 1; k < count; ++k) largest = std::max(largest, row[k * stride]);
  for (int64_t k = 0; k < count; ++k) total += std::exp(row[k * stride] - largest);
  return largest + std::log(total);
}

void softmax(double* row, int64_t count, int64_t stride, bool logarithm) {
  const double log_sum = log_sum_exp(row, count, stride);
  for (int64_t k = 0; k < count; ++k) {
    const double log_p = row[k * stride] - log_sum;
    row[k * stride] = logarithm ? log_p : std::exp(log_p);
  }
}

// Consecutive rows of v in blocks small enough to try every label with.
template <class Body>
void for_blocks(const Context& ctx, const States& v, int64_t per_row, const Body& body) {
  const int64_t size = std::max<int64_t>(1, kMostInputs / std::max<int64_t>(per_row, 1));
  if (v.rows() <= size) return body(v);
  std::vector<int64_t> order;
  for (int64_t first = 0; first < v.rows(); first += size) {
    order.resize(static_cast<size_t>(std::min(size, v.rows() - first)));
    for (size_t r = 0; r < order.size(); ++r) order[r] = first + static_cast<int64_t>(r);
    body(ops::gather(ctx, v, order.data(), static_cast<int64_t>(order.size())));
    poll_interrupt();
  }
}

// One-hot rows drawn from the distributions in the rows of p (B, K), on the host.
BitTensor drawn_labels(Context& ctx, const std::vector<double>& p, int64_t classes) {
  const Draw draw = ctx.next_draw(Layer::kVisible);
  std::vector<int64_t> labels(p.size() / static_cast<size_t>(classes));
  for (size_t r = 0; r < labels.size(); ++r) {
    const double* row = p.data() + r * static_cast<size_t>(classes);
    double left = fine_uniform(r, draw);
    while (labels[r] + 1 < classes && left >= row[labels[r]]) left -= row[labels[r]++];
  }
  return one_hot(ctx, labels, classes);
}

}  // namespace

void softmax_rows(std::vector<double>& scores, int64_t classes, bool logarithm) {
  const int64_t rows = static_cast<int64_t>(scores.size()) / classes;
  if (fault("class_softmax_over_rows")) {
    for (int64_t k = 0; k < classes; ++k) softmax(scores.data() + k, rows, classes, logarithm);
    return;
  }
  for (int64_t r = 0; r < rows; ++r) softmax(scores.data() + r * classes, classes, 1, logarithm);
}

void sum_over_labels(const Context& ctx, const std::vector<double>& coefficients, int64_t classes,
                     const Tensor& means, Tensor& out) {
  for (int64_t first = 0; first < out.rows(); first += kTogether) {
    const int64_t last = std::min(out.rows(), first + kTogether), rows = last - first;
    Tensor blocks = Tensor::zeros(rows, rows * classes);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t k = 0; k < classes; ++k)
        blocks.row(r)[r * classes + k] =
            static_cast<float>(coefficients[static_cast<size_t>((first + r) * classes + k)]);
    Tensor sums = out.slice(first, last);
    ops::matmul(ctx, blocks.to(ctx.backend().memory), false,
                means.slice(first * classes, last * classes), false, 1.0f, 0.0f, sums);
  }
}

ClassificationRbm::ClassificationRbm(Context ctx, int64_t visible, int64_t hidden, int64_t classes)
    : ctx_(ctx),
      w_(ops::zeros(ctx_, visible, hidden)),
      u_(ops::zeros(ctx_, classes, hidden)),
      a_(ops::zeros(ctx_, 1, visible)),
      b_(ops::zeros(ctx_, 1, hidden)),
      d_(ops::zeros(ctx_, 1, classes)) {}

void ClassificationRbm::set_weights(Tensor w) {
  require_shape("ClassificationRBM", "W", w, visible_size(), hidden_size());
  w_.set(std::move(w));
}

void ClassificationRbm::set_label_weights(Tensor u) {
  require_shape("ClassificationRBM", "U", u, classes(), hidden_size());
  u_.set(std::move(u));
}

void ClassificationRbm::set_visible_bias(Tensor a) {
  require_shape("ClassificationRBM", "v_bias", a, 1, visible_size());
  a_ = std::move(a);
}

void ClassificationRbm::set_hidden_bias(Tensor b) {
  require_shape("ClassificationRBM", "h_bias", b, 1, hidden_size());
  b_ = std::move(b);
}

void ClassificationRbm::set_label_bias(Tensor d) {
  require_shape("ClassificationRBM", "y_bias", d, 1, classes());
  d_ = std::move(d);
}

void ClassificationRbm::initialize(float deviation) {
  Tensor w = ops::zeros(ctx_, visible_size(), hidden_size());
  ops::normal(ctx_, ctx_.next_draw(Layer::kWeights), 0.0f, deviation, w);
  Tensor u = ops::zeros(ctx_, classes(), hidden_size());
  ops::normal(ctx_, ctx_.next_draw(Layer::kWeights), 0.0f, deviation, u);
  w_.set(std::move(w));
  u_.set(std::move(u));
  a_ = ops::zeros(ctx_, 1, visible_size());
  b_ = ops::zeros(ctx_, 1, hidden_size());
  d_ = ops::zeros(ctx_, 1, classes());
}

// v W + b.
Tensor ClassificationRbm::input(const States& v) const {
  Tensor out = ops::zeros(ctx_, v.rows(), hidden_size());
  HalfStep step;
  step.input = &v;
  step.weights = &w_;
  step.bias = &b_;
  step.pre = &out;
  ops::half_step(ctx_, step);
  return out;
}

ClassScores ClassificationRbm::class_scores(const States& v, bool means) const {
  const int64_t rows = v.rows(), k = classes();
  std::vector<int64_t> labels(static_cast<size_t>(rows * k)), order(labels.size());
  for (size_t i = 0; i < labels.size(); ++i) {
    labels[i] = static_cast<int64_t>(i) % k;
    order[i] = static_cast<int64_t>(i) / k;
  }
  const States repeated = ops::gather(ctx_, input(v), order.data(), rows * k);
  const States y(one_hot(ctx_, labels, k));
  Tensor inputs = ops::zeros(ctx_, rows * k, hidden_size());
  ClassScores out;
  if (means) out.means = ops::zeros(ctx_, rows * k, hidden_size());
  HalfStep step;
  step.input = &y;
  step.weights = &u_;
  step.added = &repeated.dense();
  step.pre = &inputs;
  step.mean = means ? &out.means : nullptr;
  ops::half_step(ctx_, step);
  // log(1 + exp(x)) - log 2 of every input: the same constant for every label.
  out.scores.assign(labels.size(), 0.0);
  ops::softplus_difference(ctx_, inputs, 0.0f, 1.0f, out.scores.data());
  if (fault("class_bias_left_out")) return out;
  const std::vector<double> bias = row_values(d_);
  for (size_t i = 0; i < labels.size(); ++i) out.scores[i] += bias[static_cast<size_t>(labels[i])];
  return out;
}

std::vector<double> ClassificationRbm::log_proba(const States& v) const {
  std::vector<double> out;
  for_blocks(ctx_, v, classes() * hidden_size(), [&](const States& rows) {
    ClassScores block = class_scores(rows, false);
    softmax_rows(block.scores, classes(), true);
    out.insert(out.end(), block.scores.begin(), block.scores.end());
  });
  return out;
}

std::vector<double> ClassificationRbm::free_energy(const States& v) const {
  std::vector<double> out, visible(static_cast<size_t>(v.rows()), 0.0);
  for_blocks(ctx_, v, classes() * hidden_size(), [&](const States& rows) {
    const ClassScores block = class_scores(rows, false);
    out.insert(out.end(), block.scores.begin(), block.scores.end());
  });
  ops::weighted_sums(ctx_, v, a_, 1.0, visible.data());
  const double log2 = static_cast<double>(hidden_size()) * std::log(2.0);
  for (size_t i = 0; i < out.size(); ++i)
    out[i] = -(out[i] + log2 + visible[i / static_cast<size_t>(classes())]);
  return out;
}

// Label by label, that of the RBM with hidden biases b + U_k, whose sums are in float64.
std::vector<double> ClassificationRbm::marginal_free_energy(const States& v) const {
  const size_t k = static_cast<size_t>(classes());
  const std::vector<double> bias = row_values(d_);
  std::vector<double> out(static_cast<size_t>(v.rows())), scores(out.size() * k);
  for (size_t y = 0; y < k; ++y) {
    const Tensor u = u_.get().slice(static_cast<int64_t>(y), static_cast<int64_t>(y) + 1);
    Tensor b = ops::zeros(ctx_, 1, hidden_size());
    ops::linear(ctx_, {1.0, &b_, 1.0, &u}, b);
    ops::free_energy(ctx_, {&w_.get(), &a_, &b, 1.0}, v, out.data());
    for (size_t r = 0; r < out.size(); ++r) scores[r * k + y] = bias[y] - out[r];
    poll_interrupt();
  }
  for (size_t r = 0; r < out.size(); ++r)
    out[r] = -log_sum_exp(scores.data() + r * k, classes(), 1);
  return out;
}

Tensor ClassificationRbm::hidden_mean(const States& v) const {
  Tensor out = ops::zeros(ctx_, v.rows(), hidden_size());
  int64_t first = 0;
  for_blocks(ctx_, v, classes() * hidden_size(), [&](const States& rows) {
    ClassScores block = class_scores(rows, true);
    softmax_rows(block.scores, classes(), false);
    Tensor part = out.slice(first, first + rows.rows());
    sum_over_labels(ctx_, block.scores, classes(), block.means, part);
    first += rows.rows();
  });
  return out;
}

LayerState ClassificationRbm::hidden(const States& v, const BitTensor& y, bool mean, bool sample) {
  const Tensor from_visible = input(v);
  const States labels(y);
  LayerState out;
  if (mean) out.mean = ops::zeros(ctx_, v.rows(), hidden_size());
  if (sample) out.sample = ops::zero_bits(ctx_, v.rows(), hidden_size());
  HalfStep step;
  step.input = &labels;
  step.weights = &u_;
  step.added = &from_visible;
  if (sample) step.draw = ctx_.next_draw(Layer::kHidden);
  step.mean = mean ? &out.mean : nullptr;
  step.sample = sample ? &out.sample : nullptr;
  ops::half_step(ctx_, step);
  return out;
}

LayerState ClassificationRbm::visible(const States& h, bool mean, bool sample) {
  HalfStep step;
  step.input = &h;
  step.weights = &w_;
  step.bias = &a_;
  step.direction = Direction::kDown;
  return run_half_step(ctx_, step, mean, sample);
}

BitTensor ClassificationRbm::sample_labels(const States& h) {
  Tensor pre = ops::zeros(ctx_, h.rows(), classes());
  HalfStep step;
  step.input = &h;
  step.weights = &u_;
  step.bias = &d_;
  step.direction = Direction::kDown;
  step.pre = &pre;
  ops::half_step(ctx_, step);
  const Tensor here = pre.to(host_memory());
  std::vector<double> p;
  for (int64_t r = 0; r < h.rows(); ++r) p.insert(p.end(), here.row(r), here.row(r) + classes());
  if (fault("label_units_not_normalised"))
    for (double& x : p) x = 1.0 / (1.0 + std::exp(-x));
  else
    softmax_rows(p, classes(), false);
  return drawn_labels(ctx_, p, classes());
}

BitTensor ClassificationRbm::sample_labels_given_visible(const States& v) {
  std::vector<double> p = log_proba(v);
  for (double& x : p) x = std::exp(x);
  return drawn_labels(ctx_, p, classes());
}

CdPass ClassificationRbm::cd_pass(const States& v, const BitTensor& y, int64_t k) {
  LayerState h0 = hidden(v, y, true, true);
  CdPass out = gibbs_from_hidden(h0.sample, {k});
  out.h0 = std::move(h0);
  return out;
}

CdPass ClassificationRbm::gibbs_from_hidden(const States& h, const LabelledSweeps& sweeps) {
  require(sweeps.steps >= 1, "ClassificationRBM.gibbs",
          [&] { return "steps must be at least 1, got " + std::to_string(sweeps.steps); });
  const bool held = !sweeps.labels.empty() && !fault("held_labels_drawn");
  CdPass out;
  States start = h;
  for (int64_t step = 0; step < sweeps.steps; ++step) {
    const bool last = step + 1 == sweeps.steps;
    out.v1 = visible(start, last && sweeps.visible_mean, true);
    out.y1 = held ? sweeps.labels : sample_labels(start);
    out.h1 = hidden(out.v1.sample, out.y1, last, !last || sweeps.hidden_sample);
    start = out.h1.sample;
    poll_interrupt();
  }
  return out;
}

}  // namespace gibbslab
