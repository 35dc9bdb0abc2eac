#include "csrc/models/unit_rbm.h"

#include <string>
#include <utility>

#include "csrc/core/error.h"
#include "csrc/core/faults.h"
#include "csrc/core/interrupt.h"
#include "csrc/ops/backend.h"
#include "csrc/ops/shapes.h"

namespace gibbslab {
namespace {

Tensor ones(const Context& ctx, int64_t cols) {
  Tensor out = Tensor::zeros(1, cols);
  for (int64_t c = 0; c < cols; ++c) out.data()[c] = 1.0f;
  return out.to(ctx.backend().memory);
}

bool bounded(const UnitType& type) {
  return type.kind != UnitKind::kGaussian && type.kind != UnitKind::kRectified;
}

}  // namespace

bool admissible(const UnitType& visible, const UnitType& hidden) {
  return bounded(visible) || bounded(hidden);
}

UnitRbm::UnitRbm(Context ctx, int64_t visible_size, int64_t hidden_size, UnitType visible,
                 UnitType hidden, double temperature)
    : ctx_(ctx), temperature_(temperature), weights_(ops::zeros(ctx_, visible_size, hidden_size)) {
  require(admissible(visible, hidden), "RBM",
          [&] { return "one of visible and hidden must have bounded units"; });
  require(temperature > 0.0, "RBM", [&] { return "temperature must be above 0"; });
  visible_ = {visible, ops::zeros(ctx_, 1, visible_size), ones(ctx_, visible_size), {}};
  hidden_ = {hidden, ops::zeros(ctx_, 1, hidden_size), ones(ctx_, hidden_size), {}};
}

void UnitRbm::set_weights(Tensor w) {
  require_shape("RBM", "W", w, visible_size(), hidden_size());
  weights_ = std::move(w);
  fresh_ = false;
}

void UnitRbm::set_bias(Side side, Tensor bias) {
  require_shape("RBM", side == Side::kVisible ? "v_bias" : "h_bias", bias, 1, size(side));
  at(side).bias = std::move(bias);
  fresh_ = false;
}

void UnitRbm::set_variance(Side side, Tensor variance) {
  require_shape("RBM", side == Side::kVisible ? "v_variance" : "h_variance", variance, 1,
                size(side));
  at(side).variance = std::move(variance);
  fresh_ = false;
}

void UnitRbm::initialize(float deviation) {
  Tensor w = ops::zeros(ctx_, visible_size(), hidden_size());
  ops::normal(ctx_, ctx_.next_draw(Layer::kWeights), 0.0f, deviation, w);
  set_weights(std::move(w));
  set_bias(Side::kVisible, ops::zeros(ctx_, 1, visible_size()));
  set_bias(Side::kHidden, ops::zeros(ctx_, 1, hidden_size()));
}

// x over the variances of the visible units by rows, and of the hidden units by columns.
Tensor UnitRbm::scaled_down(const Tensor& x, bool rows, bool cols) const {
  if (!rows && !cols) return x;
  Tensor out = ops::zeros(ctx_, x.rows(), x.cols());
  ops::divide_by(ctx_, x, rows ? &visible_.variance : nullptr, cols ? &hidden_.variance : nullptr,
                 out);
  return out;
}

void UnitRbm::refresh() const {
  if (fresh_) return;
  natural_weights_ = scaled_down(weights_, gaussian(Side::kVisible), gaussian(Side::kHidden));
  for (const LayerOf* layer : {&visible_, &hidden_}) {
    layer->natural = layer->bias;
    if (layer->type.kind != UnitKind::kGaussian) continue;
    layer->natural = ops::zeros(ctx_, 1, layer->bias.cols());
    ops::divide_by(ctx_, layer->bias, nullptr, &layer->variance, layer->natural);
  }
  fresh_ = true;
}

const Tensor& UnitRbm::natural_weights() const {
  refresh();
  return natural_weights_;
}

const Tensor& UnitRbm::natural_bias(Side side) const {
  refresh();
  return at(side).natural;
}

double UnitRbm::constant() const {
  double sum = 0.0;
  for (Side side : {Side::kVisible, Side::kHidden})
    if (gaussian(side)) sum += 0.5 * ops::dot(ctx_, bias(side), natural_bias(side));
  return sum;
}

Units UnitRbm::units(Side side, double stiffness) const {
  Units out{at(side).type, gaussian(side) ? &at(side).variance : nullptr};
  out.type.stiffness = stiffness;
  return out;
}

Units UnitRbm::exact_units(Side side, double stiffness) const {
  Units out = units(side, stiffness);
  out.type.noisy = false;
  return out;
}

Tensor UnitRbm::exact_mean(Side to, const Tensor& x) const {
  const double scale = 1.0 / temperature_;
  const Tensor received = product(to, x);
  Tensor out = ops::zeros(ctx_, x.rows(), size(to));
  ops::activate_units(ctx_, exact_units(to, scale), {&received, &natural_bias(to), scale, scale},
                      {}, &out, nullptr);
  return out;
}

Tensor UnitRbm::product(Side to, const Tensor& x) const {
  Tensor out = ops::zeros(ctx_, x.rows(), size(to));
  ops::matmul(ctx_, x, false, natural_weights(), to == Side::kVisible, 1.0f, 0.0f, out);
  return out;
}

UnitState UnitRbm::half_step(Side to, const Tensor& x, double beta, bool mean, bool sample) {
  require_shape("RBM", to == Side::kHidden ? "v" : "h", x, x.rows(), size(other(to)));
  const Tensor received = product(to, x);
  UnitState out;
  if (mean) out.mean = ops::zeros(ctx_, x.rows(), size(to));
  if (sample) out.sample = ops::zeros(ctx_, x.rows(), size(to));
  const double scale = beta / temperature_;
  const double bias_scale = fault("unit_bias_left_out") && to == Side::kHidden ? 0.0 : scale;
  const Layer layer = to == Side::kHidden ? Layer::kHidden : Layer::kVisible;
  const Draw draw = sample ? ctx_.next_draw(layer) : Draw{};
  ops::activate_units(ctx_, units(to, scale), {&received, &natural_bias(to), scale, bias_scale},
                      draw, mean ? &out.mean : nullptr, sample ? &out.sample : nullptr);
  return out;
}

UnitPass UnitRbm::cd_pass(const Tensor& v, int64_t k) {
  UnitState h0 = half_step(Side::kHidden, v, 1.0, true, true);
  UnitPass out = gibbs(Side::kHidden, h0.sample, {k});
  out.h0 = std::move(h0);
  return out;
}

void UnitRbm::clamp(const Clamp* clamp, Tensor& v) const {
  if (clamp == nullptr) return;
  States states(v);
  ops::overwrite(ctx_, clamp->mask, clamp->known, states);
  v = states.dense();
}

UnitPass UnitRbm::gibbs(Side from, const Tensor& start, const Sweeps& sweeps) {
  const int64_t steps = checked_steps(sweeps, fault("unit_sweep_too_many"));
  UnitPass out;
  Tensor state = start;
  for (int64_t step = 0; step < steps; ++step) {
    const bool last = step + 1 == steps;
    const auto move = [&](Side to) {
      const bool hidden = to == Side::kHidden;
      const bool mean = last && (hidden || sweeps.visible_mean);
      UnitState& now = hidden ? out.h1 : out.v1;
      // Only the last half-step of a sweep from hidden states may go without a sample.
      const bool wanted = !last || !hidden || from != Side::kHidden || sweeps.hidden_sample;
      now = half_step(to, state, static_cast<double>(sweeps.beta), mean, wanted);
      if (!hidden) clamp(sweeps.clamp, now.sample);
      state = now.sample;
    };
    move(other(from));
    move(from);
    poll_interrupt();
  }
  return out;
}

std::vector<double> UnitRbm::log_marginal(Side side, const Tensor& x, double beta) const {
  require_shape("RBM", side == Side::kVisible ? "v" : "h", x, x.rows(), size(side));
  const double scale = beta / temperature_;
  const Tensor received = product(other(side), x);
  std::vector<double> out(static_cast<size_t>(x.rows()), -scale * constant());
  ops::weighted_sums(ctx_, States(x), natural_bias(side), scale, out.data());
  ops::units_log_base(ctx_, units(side, scale), x, 1.0, out.data());
  ops::units_log_normaliser(ctx_, units(other(side), scale),
                            {&received, &natural_bias(other(side)), scale, scale}, 1.0, out.data());
  return out;
}

std::vector<double> UnitRbm::free_energy(const Tensor& v, double beta) const {
  std::vector<double> out = log_marginal(Side::kVisible, v, beta);
  for (double& x : out) x = -x;
  return out;
}

std::vector<double> UnitRbm::energy(const Tensor& v, const Tensor& h, double beta) const {
  require_shape("RBM", "v", v, v.rows(), visible_size());
  require_shape("RBM", "h", h, v.rows(), hidden_size());
  const double scale = beta / temperature_;
  std::vector<double> out(static_cast<size_t>(v.rows()), scale * constant());
  ops::row_dots(ctx_, product(Side::kHidden, v), h, -scale, out.data());
  ops::weighted_sums(ctx_, States(v), natural_bias(Side::kVisible), -scale, out.data());
  ops::weighted_sums(ctx_, States(h), natural_bias(Side::kHidden), -scale, out.data());
  for (Side side : {Side::kVisible, Side::kHidden})
    if (gaussian(side) && scale > 0.0)
      ops::units_log_base(ctx_, units(side, scale), side == Side::kVisible ? v : h, -1.0,
                          out.data());
  return out;
}

}  // namespace gibbslab
