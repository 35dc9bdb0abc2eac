#include "csrc/models/dbn.h"

#include <utility>

#include "csrc/core/error.h"
#include "csrc/core/faults.h"
#include "csrc/ops/backend.h"

namespace gibbslab {
namespace {

const std::vector<int64_t>& checked(const std::vector<int64_t>& sizes) {
  require(sizes.size() >= 2, "DBN",
          [&] { return "sizes must name at least 2 layers, got " + std::to_string(sizes.size()); });
  for (const int64_t n : sizes)
    require(n >= 1, "DBN", [&] { return "sizes must be at least 1, got " + std::to_string(n); });
  return sizes;
}

std::variant<Rbm, ClassificationRbm> make_top(const Context& ctx, const std::vector<int64_t>& sizes,
                                              int64_t classes) {
  const int64_t visible = checked(sizes)[sizes.size() - 2], hidden = sizes.back();
  require(classes >= 0, "DBN",
          [&] { return "classes must be at least 0, got " + std::to_string(classes); });
  if (classes == 0) return Rbm(ctx, visible, hidden);
  return ClassificationRbm(ctx, visible, hidden, classes);
}

// log p(out | in) of every row, added to `sums` times `sign`; p(out = 1) = sigmoid(in W + bias).
// As an RBM of in and out without in's own bias: -E(in, out) + F(in).
struct Conditional {
  const Tensor* weights;  // (N_in, N_out)
  const Tensor* bias;     // (1, N_out)
};

void add_log_conditional(const Context& ctx, const Conditional& p, const States& in,
                         const States& out, double sign, std::vector<double>& sums) {
  const Tensor none = ops::zeros(ctx, 1, p.weights->rows());
  const RbmView view{p.weights, &none, p.bias, 1.0};
  std::vector<double> joint(sums.size()), free(sums.size());
  ops::energy(ctx, view, in, out, joint.data());
  ops::free_energy(ctx, view, in, free.data());
  for (size_t r = 0; r < sums.size(); ++r) sums[r] += sign * (free[r] - joint[r]);
}

LayerState directed_step(Context& ctx, const States& in, const Weights& weights, const Tensor& bias,
                         Direction direction, bool mean, bool sample) {
  HalfStep step;
  step.input = &in;
  step.weights = &weights;
  step.bias = &bias;
  step.direction = direction;
  return run_half_step(ctx, step, mean, sample);
}

}  // namespace

Dbn::Dbn(Context ctx, const std::vector<int64_t>& sizes, int64_t classes)
    : top_(make_top(ctx, sizes, classes)) {
  for (size_t l = 0; l + 2 < sizes.size(); ++l) {
    DirectedLayer layer;
    layer.recognition.set(ops::zeros(ctx, sizes[l], sizes[l + 1]));
    layer.generative.set(ops::zeros(ctx, sizes[l], sizes[l + 1]));
    layer.up_bias = ops::zeros(ctx, 1, sizes[l + 1]);
    layer.down_bias = ops::zeros(ctx, 1, sizes[l]);
    layers_.push_back(std::move(layer));
  }
}

Context& Dbn::context() {
  return std::visit([](auto& top) -> Context& { return top.context(); }, top_);
}

const Context& Dbn::context() const {
  return std::visit([](const auto& top) -> const Context& { return top.context(); }, top_);
}

int64_t Dbn::classes() const { return labelled() ? labelled()->classes() : 0; }

int64_t Dbn::size(int64_t l) const {
  if (l + 1 < depth()) return layers_[l].down_bias.cols();
  return std::visit(
      [&](const auto& top) { return l == depth() ? top.hidden_size() : top.visible_size(); }, top_);
}

std::vector<DbnParameter> Dbn::parameters() const {
  std::vector<DbnParameter> out;
  for (int64_t l = 0; l + 1 < depth(); ++l) {
    const std::string at = std::to_string(l);
    out.push_back({DbnPart::kGenerative, l, "generative_" + at});
    out.push_back({DbnPart::kDownBias, l, "down_bias_" + at});
    out.push_back({DbnPart::kRecognition, l, "recognition_" + at});
    out.push_back({DbnPart::kUpBias, l, "up_bias_" + at});
  }
  out.push_back({DbnPart::kTopWeights, 0, "top_W"});
  out.push_back({DbnPart::kTopVisibleBias, 0, "top_v_bias"});
  out.push_back({DbnPart::kTopHiddenBias, 0, "top_h_bias"});
  if (classes() == 0) return out;
  out.push_back({DbnPart::kLabelWeights, 0, "top_U"});
  out.push_back({DbnPart::kLabelBias, 0, "top_y_bias"});
  return out;
}

const Weights* Dbn::weights_of(const DbnParameter& which) const {
  if (which.part == DbnPart::kGenerative) return &layers_[which.layer].generative;
  if (which.part == DbnPart::kRecognition) return &layers_[which.layer].recognition;
  if (which.part == DbnPart::kLabelWeights) return &labelled()->label_weights();
  if (which.part != DbnPart::kTopWeights) return nullptr;
  return std::visit([](const auto& top) { return &top.weights(); }, top_);
}

const Tensor& Dbn::get(const DbnParameter& which) const {
  if (const Weights* weights = weights_of(which)) return weights->get();
  if (which.part == DbnPart::kUpBias) return layers_[which.layer].up_bias;
  if (which.part == DbnPart::kDownBias) return layers_[which.layer].down_bias;
  if (which.part == DbnPart::kLabelBias) return labelled()->label_bias();
  return std::visit(
      [&](const auto& top) -> const Tensor& {
        return which.part == DbnPart::kTopVisibleBias ? top.visible_bias() : top.hidden_bias();
      },
      top_);
}

void Dbn::set(const DbnParameter& which, Tensor value) {
  const Tensor& now = get(which);
  require(value.rows() == now.rows() && value.cols() == now.cols(), "DBN", [&] {
    return which.name + " must have shape " + shape_string(now.rows(), now.cols()) + ", got " +
           shape_string(value.rows(), value.cols());
  });
  switch (which.part) {
    case DbnPart::kGenerative:
      return layers_[which.layer].generative.set(std::move(value));
    case DbnPart::kDownBias:
      layers_[which.layer].down_bias = std::move(value);
      return;
    case DbnPart::kRecognition:
      return layers_[which.layer].recognition.set(std::move(value));
    case DbnPart::kUpBias:
      layers_[which.layer].up_bias = std::move(value);
      return;
    default:
      set_top(which, std::move(value));
  }
}

void Dbn::set_top(const DbnParameter& which, Tensor value) {
  if (which.part == DbnPart::kLabelWeights) return labelled()->set_label_weights(std::move(value));
  if (which.part == DbnPart::kLabelBias) return labelled()->set_label_bias(std::move(value));
  std::visit(
      [&](auto& top) {
        if (which.part == DbnPart::kTopWeights) return top.set_weights(std::move(value));
        if (which.part == DbnPart::kTopVisibleBias) return top.set_visible_bias(std::move(value));
        top.set_hidden_bias(std::move(value));
      },
      top_);
}

void Dbn::initialize(float deviation) {
  for (DirectedLayer& layer : layers_) {
    Tensor w = ops::zeros(context(), layer.down_bias.cols(), layer.up_bias.cols());
    ops::normal(context(), context().next_draw(Layer::kWeights), 0.0f, deviation, w);
    layer.recognition.set(w);
    layer.generative.set(w);
    layer.up_bias = ops::zeros(context(), 1, w.cols());
    layer.down_bias = ops::zeros(context(), 1, w.rows());
  }
  std::visit([&](auto& top) { top.initialize(deviation); }, top_);
}

LayerState Dbn::up(int64_t l, const States& below, bool mean, bool sample) {
  const DirectedLayer& layer = layers_.at(static_cast<size_t>(l));
  return directed_step(context(), below, layer.recognition, layer.up_bias, Direction::kUp, mean,
                       sample);
}

LayerState Dbn::down(int64_t l, const States& above, bool mean, bool sample) {
  const DirectedLayer& layer = layers_.at(static_cast<size_t>(l));
  const bool swapped = fault("generation_by_recognition_weights");
  return directed_step(context(), above, swapped ? layer.recognition : layer.generative,
                       layer.down_bias, Direction::kDown, mean, sample);
}

std::vector<LayerState> Dbn::recognise(const States& v, bool mean_field) {
  std::vector<LayerState> out;
  States below = v;
  for (int64_t l = 0; l + 1 < depth(); ++l) {
    out.push_back(up(l, below, true, !mean_field));
    below = mean_field ? States(out.back().mean) : States(out.back().sample);
  }
  return out;
}

std::vector<LayerState> Dbn::generate(const States& x) {
  std::vector<LayerState> out;
  States above = x;
  for (int64_t l = depth() - 2; l >= 0; --l) {
    const bool mean_field = fault("mean_field_for_sample") && l > 0;
    out.push_back(down(l, above, true, true));
    above = mean_field ? States(out.back().mean) : States(out.back().sample);
  }
  return out;
}

BitTensor Dbn::fair_states(int64_t l, int64_t rows) {
  Tensor half = ops::zeros(context(), 1, size(l));
  ops::linear(context(), {1.0, &half, 0.0, nullptr, 0.5}, half);
  BitTensor out = ops::zero_bits(context(), rows, half.cols());
  ops::bernoulli(context(), half, context().next_draw(Layer::kUser), out);
  return out;
}

// Labels that are given must be those of a model with some, one row for each of x.
void Dbn::require_fitting(const States& x, const BitTensor& labels) const {
  require(labels.empty() || (labels.rows() == x.rows() && labels.cols() == classes()), "DBN", [&] {
    return "labels must have shape " + shape_string(x.rows(), classes()) + ", got " +
           shape_string(labels.rows(), labels.cols());
  });
}

LayerState Dbn::top_up(const States& x, const BitTensor& labels, bool sample) {
  require_fitting(x, labels);
  if (!labelled()) return std::get<Rbm>(top_).half_step(x, Direction::kUp, 1.0f, true, sample);
  ClassificationRbm& top = *labelled();
  if (!labels.empty()) return top.hidden(x, labels, true, sample);
  LayerState out;
  out.mean = top.hidden_mean(x);
  if (sample) out.sample = top.hidden(x, top.sample_labels_given_visible(x), false, true).sample;
  return out;
}

LayerState Dbn::top_down(const States& h, bool sample) {
  if (labelled()) return labelled()->visible(h, true, sample);
  return std::get<Rbm>(top_).half_step(h, Direction::kDown, 1.0f, true, sample);
}

CdPass Dbn::top_gibbs(const States& h, int64_t steps, const BitTensor& labels) {
  require_fitting(h, labels);
  if (!labelled()) return std::get<Rbm>(top_).gibbs_from_hidden(h, {steps});
  return labelled()->gibbs_from_hidden(h, {steps, labels});
}

std::vector<double> Dbn::label_log_proba(const States& x) {
  require(labelled() != nullptr, "DBN.label_log_proba", [&] { return "the model has no labels"; });
  return labelled()->log_proba(x);
}

CdPass Dbn::top_pass(const States& x, const UpDown& how) {
  require_fitting(x, how.labels);
  if (!labelled()) return std::get<Rbm>(top_).cd_pass(x, how.steps);
  require(!how.labels.empty(), "DBN", [&] { return "labels must be given"; });
  return labelled()->cd_pass(x, how.labels, how.steps);
}

UpDownPass Dbn::up_down(const States& v, const UpDown& how) {
  UpDownPass out;
  out.layers.resize(layers_.size());
  States state = v;
  for (int64_t l = 0; l + 1 < depth(); ++l) {
    DirectedPass& pass = out.layers[l];
    pass.up = up(l, state, true, true);
    state = pass.up.sample;
    if (!how.top_only) pass.predicted = down(l, state, true, how.predictions);
  }
  out.top = top_pass(state, how);
  if (how.top_only) return out;
  state = fault("sleep_phase_starts_at_data") ? state : States(out.top.v1.sample);
  for (int64_t l = depth() - 2; l >= 0; --l) {
    DirectedPass& pass = out.layers[l];
    pass.generated = down(l, state, true, true);
    pass.recognised = up(l, pass.generated.sample, true, how.predictions);
    state = pass.generated.sample;
  }
  return out;
}

std::vector<double> Dbn::log_weights(const std::vector<States>& x) const {
  require(static_cast<int64_t>(x.size()) == depth(), "DBN.log_weights",
          [&] { return "x must hold the states of " + std::to_string(depth()) + " layers"; });
  std::vector<double> out(static_cast<size_t>(x[0].rows()), 0.0);
  for (size_t l = 0; l < layers_.size(); ++l) {
    const DirectedLayer& layer = layers_[l];
    const Tensor& down = layer.generative.transposed(context());
    add_log_conditional(context(), {&down, &layer.down_bias}, x[l + 1], x[l], 1.0, out);
    const double sign = fault("bound_without_entropy") ? 0.0 : -1.0;
    add_log_conditional(context(), {&layer.recognition.get(), &layer.up_bias}, x[l], x[l + 1], sign,
                        out);
  }
  const std::vector<double> free = labelled() ? labelled()->marginal_free_energy(x.back())
                                              : std::get<Rbm>(top_).free_energy(x.back(), 1.0);
  for (size_t r = 0; r < out.size(); ++r) out[r] -= free[r];
  return out;
}

}  // namespace gibbslab
