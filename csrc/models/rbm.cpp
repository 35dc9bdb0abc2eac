#include "csrc/models/rbm.h"

#include <algorithm>
#include <string>
#include <utility>

#include "csrc/core/error.h"
#include "csrc/core/faults.h"
#include "csrc/core/interrupt.h"
#include "csrc/models/pace.h"
#include "csrc/ops/backend.h"
#include "csrc/ops/shapes.h"

namespace gibbslab {

int64_t checked_steps(const Sweeps& sweeps, bool one_too_many) {
  require(sweeps.steps >= 1, "RBM.gibbs",
          [&] { return "steps must be at least 1, got " + std::to_string(sweeps.steps); });
  return one_too_many ? sweeps.steps + 1 : sweeps.steps;
}

Tensor scaled_bias(const Context& ctx, const Tensor& bias, float beta) {
  if (beta == 1.0f) return bias;
  Tensor out = ops::empty(ctx, 1, bias.cols());
  ops::linear(ctx, {beta, &bias}, out);
  return out;
}

LayerState run_half_step(Context& ctx, HalfStep step, bool mean, bool sample) {
  const bool up = step.direction == Direction::kUp;
  const int64_t rows = step.input->rows(), units = step.bias->cols();
  LayerState out;
  if (mean) out.mean = ops::empty(ctx, rows, units);
  if (sample) out.sample = ops::zero_bits(ctx, rows, units);
  if (sample) step.draw = ctx.next_draw(up ? Layer::kHidden : Layer::kVisible);
  step.mean = mean ? &out.mean : nullptr;
  step.sample = sample ? &out.sample : nullptr;
  ops::half_step(ctx, step);
  return out;
}

Rbm::Rbm(Context ctx, int64_t visible_size, int64_t hidden_size)
    : ctx_(ctx),
      weights_(ops::zeros(ctx_, visible_size, hidden_size)),
      visible_bias_(ops::zeros(ctx_, 1, visible_size)),
      hidden_bias_(ops::zeros(ctx_, 1, hidden_size)) {}

void Rbm::set_weights(Tensor w) {
  require_shape("RBM", "W", w, visible_size(), hidden_size());
  weights_.set(std::move(w));
}

void Rbm::set_weights(Tensor w, Tensor wt) {
  require_shape("RBM", "W", w, visible_size(), hidden_size());
  require_shape("RBM", "W transposed", wt, hidden_size(), visible_size());
  weights_.set(std::move(w), std::move(wt));
}

void Rbm::set_visible_bias(Tensor a) {
  require_shape("RBM", "v_bias", a, 1, visible_size());
  visible_bias_ = std::move(a);
}

void Rbm::set_hidden_bias(Tensor b) {
  require_shape("RBM", "h_bias", b, 1, hidden_size());
  hidden_bias_ = std::move(b);
}

void Rbm::set_input_scales(float up, float down) {
  require(up > 0.0f && down > 0.0f, "RBM.set_input_scales", [&] {
    return "up and down must be above 0, got " + std::to_string(up) + " and " +
           std::to_string(down);
  });
  up_scale_ = up;
  down_scale_ = down;
}

void Rbm::initialize(float deviation) {
  Tensor w = ops::zeros(ctx_, visible_size(), hidden_size());
  ops::normal(ctx_, ctx_.next_draw(Layer::kWeights), 0.0f, deviation, w);
  weights_.set(std::move(w));
  visible_bias_ = ops::zeros(ctx_, 1, visible_size());
  hidden_bias_ = ops::zeros(ctx_, 1, hidden_size());
}

LayerState Rbm::half_step(const States& input, Direction direction, float beta, bool mean,
                          bool sample) {
  const bool up = direction == Direction::kUp;
  const Tensor bias = scaled_bias(ctx_, up ? hidden_bias_ : visible_bias_, beta);
  HalfStep step;
  step.input = &input;
  step.weights = &weights_;
  step.bias = &bias;
  step.direction = direction;
  step.scale = beta * (up ? up_scale_ : down_scale_);
  return run_half_step(ctx_, step, mean, sample);
}

Tensor Rbm::hidden_mean(const States& v, float beta) {
  return half_step(v, Direction::kUp, beta, true, false).mean;
}

Tensor Rbm::visible_mean(const States& h, float beta) {
  return half_step(h, Direction::kDown, beta, true, false).mean;
}

BitTensor Rbm::sample_hidden(const States& v, float beta) {
  return half_step(v, Direction::kUp, beta, false, true).sample;
}

BitTensor Rbm::sample_visible(const States& h, float beta) {
  return half_step(h, Direction::kDown, beta, false, true).sample;
}

CdPass Rbm::cd_pass(const States& v, int64_t k) {
  LayerState h0 = half_step(v, Direction::kUp, 1.0f, true, true);
  CdPass out = gibbs_from_hidden(h0.sample, {k});
  out.h0 = std::move(h0);
  return out;
}

// The visible sample with its clamped units put back.
States Rbm::after_down(CdPass& pass, const Clamp* clamp) {
  States visible = pass.v1.sample;
  if (clamp == nullptr) return visible;
  ops::overwrite(ctx_, clamp->mask, clamp->known, visible);
  if (visible.binary()) pass.v1.sample = visible.bits();
  return visible;
}

// Whether the backend runs these sweeps in calls of many.
bool Rbm::fusible(const States& start, const Sweeps& sweeps, int64_t steps) const {
  if (!start.binary() || (sweeps.clamp != nullptr && !sweeps.clamp->known.binary())) return false;
  if (fault("mean_field_for_sample") || has_input_scales()) return false;
  return ops::offers_chains(ctx_, {start.rows(), visible_size(), hidden_size(), steps});
}

// `steps` sweeps in one call; `last` when the means, or no last hidden states, may be asked for.
CdPass Rbm::fused_stretch(const ChainSweeps& loop, const Sweeps& sweeps, int64_t steps, bool last) {
  CdPass out;
  const int64_t chains = loop.start->rows();
  const bool undrawn = last && loop.from_hidden && !sweeps.hidden_sample;
  if (last) out.h1.mean = ops::zeros(ctx_, chains, hidden_size());
  if (last && sweeps.visible_mean) out.v1.mean = ops::zeros(ctx_, chains, visible_size());
  if (!undrawn) out.h1.sample = ops::zero_bits(ctx_, chains, hidden_size());
  out.v1.sample = ops::zero_bits(ctx_, chains, visible_size());
  std::vector<SweepStreams> streams(static_cast<size_t>(steps));
  for (SweepStreams& s : streams) {
    if (!loop.from_hidden) s.hidden = ctx_.next_draw(Layer::kHidden).stream;
    s.visible = ctx_.next_draw(Layer::kVisible).stream;
    if (loop.from_hidden && !(undrawn && &s == &streams.back()))
      s.hidden = ctx_.next_draw(Layer::kHidden).stream;
  }
  ChainSweeps job = loop;
  job.streams = streams.data();
  job.count = steps;
  job.hidden_mean = out.h1.mean.empty() ? nullptr : &out.h1.mean;
  job.visible_mean = out.v1.mean.empty() ? nullptr : &out.v1.mean;
  job.hidden = undrawn ? nullptr : &out.h1.sample;
  job.visible = &out.v1.sample;
  ops::sweep_chains(ctx_, job);
  return out;
}

CdPass Rbm::fused_sweeps(const BitTensor& start, bool from_hidden, const Sweeps& sweeps,
                         int64_t steps) {
  const Tensor a = scaled_bias(ctx_, visible_bias_, sweeps.beta),
               b = scaled_bias(ctx_, hidden_bias_, sweeps.beta);
  ChainSweeps loop;
  loop.model = {&weights_, &a, &b};
  loop.beta = sweeps.beta;
  loop.from_hidden = from_hidden;
  loop.mask = sweeps.clamp != nullptr ? &sweeps.clamp->mask : nullptr;
  loop.known = sweeps.clamp != nullptr ? &sweeps.clamp->known.bits() : nullptr;
  loop.seed = ctx_.seed();
  CdPass out;
  BitTensor state = start;
  Pace pace;
  while (steps > 0) {
    const int64_t now = std::min(pace.steps(), steps);
    loop.start = &state;
    pace.time([&] { out = fused_stretch(loop, sweeps, now, now == steps); });
    state = from_hidden ? out.h1.sample : out.v1.sample;
    steps -= now;
    poll_interrupt();
  }
  return out;
}

CdPass Rbm::gibbs_from_hidden(const States& h, const Sweeps& sweeps) {
  const int64_t steps = checked_steps(sweeps, fault("one_step_too_many"));
  if (fusible(h, sweeps, steps)) return fused_sweeps(h.bits(), true, sweeps, steps);
  CdPass out;
  States hidden = h;
  for (int64_t step = 0; step < steps; ++step) {
    const bool last = step + 1 == steps, mean_field = fault("mean_field_for_sample");
    out.v1 = half_step(hidden, Direction::kDown, sweeps.beta, last && sweeps.visible_mean, true);
    const States visible = after_down(out, sweeps.clamp);
    out.h1 = half_step(visible, Direction::kUp, sweeps.beta, last || mean_field,
                       !last || sweeps.hidden_sample);
    hidden = mean_field ? States(out.h1.mean) : States(out.h1.sample);
    poll_interrupt();
  }
  return out;
}

CdPass Rbm::gibbs_from_visible(const States& v, const Sweeps& sweeps) {
  const int64_t steps = checked_steps(sweeps, fault("one_step_too_many"));
  if (fusible(v, sweeps, steps)) return fused_sweeps(v.bits(), false, sweeps, steps);
  CdPass out;
  States visible = v;
  for (int64_t step = 0; step < steps; ++step) {
    const bool last = step + 1 == steps, mean_field = fault("mean_field_for_sample");
    out.h1 = half_step(visible, Direction::kUp, sweeps.beta, last || mean_field, true);
    const States hidden = mean_field ? States(out.h1.mean) : States(out.h1.sample);
    out.v1 = half_step(hidden, Direction::kDown, sweeps.beta, last && sweeps.visible_mean, true);
    visible = after_down(out, sweeps.clamp);
    poll_interrupt();
  }
  return out;
}

RbmView Rbm::view(double beta) const {
  return {&weights_.get(), &visible_bias_, &hidden_bias_, beta};
}

std::vector<double> Rbm::free_energy(const States& v, double beta) const {
  std::vector<double> out(static_cast<size_t>(v.rows()));
  ops::free_energy(ctx_, view(beta), v, out.data());
  return out;
}

std::vector<double> Rbm::energy(const States& v, const States& h, double beta) const {
  std::vector<double> out(static_cast<size_t>(v.rows()));
  ops::energy(ctx_, view(beta), v, h, out.data());
  return out;
}

std::vector<double> Rbm::pseudo_likelihood(const BitTensor& v, double beta) const {
  std::vector<double> out(static_cast<size_t>(v.rows()));
  ops::pseudo_likelihood(ctx_, view(beta), v, out.data());
  return out;
}

double Rbm::log_partition(double beta) const { return ops::log_partition(ctx_, view(beta)); }

}  // namespace gibbslab
