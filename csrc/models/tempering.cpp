#include "csrc/models/tempering.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "csrc/core/choice.h"
#include "csrc/core/error.h"
#include "csrc/core/faults.h"
#include "csrc/ops/backend.h"

namespace gibbslab {
namespace {

// x op(W) + bias of one layer, not scaled.
Tensor unscaled(const Context& ctx, const Rbm& rbm, const BitTensor& x, Direction direction) {
  const bool up = direction == Direction::kUp;
  const States input(x);
  const Tensor& bias = up ? rbm.hidden_bias() : rbm.visible_bias();
  Tensor pre = ops::zeros(ctx, x.rows(), bias.cols());
  HalfStep step;
  step.input = &input;
  step.weights = &rbm.weights();
  step.bias = &bias;
  step.direction = direction;
  step.pre = &pre;
  ops::half_step(ctx, step);
  return pre;
}

}  // namespace

Tempering::Tempering(const Rbm& rbm, std::vector<double> betas, int64_t n_chains)
    : ladder_(std::move(betas)), n_chains_(n_chains) {
  require(n_chains_ >= 1, "tempering",
          [&] { return "n_chains must be at least 1, got " + std::to_string(n_chains_); });
  hidden_ = ops::zero_bits(rbm.context(), rows(), rbm.hidden_size());
  std::vector<int64_t> level(static_cast<size_t>(rows()));
  for (size_t r = 0; r < level.size(); ++r) level[r] = static_cast<int64_t>(r) / n_chains_;
  last_end_.assign(level.size(), kUnseen);
  trips_.assign(level.size(), 0);
  set_level(std::move(level));
}

void Tempering::set_level(std::vector<int64_t> level) {
  std::vector<int64_t> row_at(static_cast<size_t>(rows()), -1);
  bool sound = level.size() == row_at.size();
  for (size_t r = 0; sound && r < level.size(); ++r) {
    sound = level[r] >= 0 && level[r] < ladder_.size();
    if (!sound) break;
    int64_t& row = row_at[place(level[r], static_cast<int64_t>(r) % n_chains_)];
    sound = row < 0;
    row = static_cast<int64_t>(r);
  }
  require(sound, "tempering",
          [&] { return "level must hold every level of every chain exactly once"; });
  level_ = std::move(level);
  row_at_ = std::move(row_at);
}

void Tempering::scatter(Rbm& rbm) {
  Context& ctx = rbm.context();
  Tensor fair = ops::zeros(ctx, 1, rbm.hidden_size());
  ops::sigmoid(ctx, fair, fair);
  BitTensor hidden = ops::zero_bits(ctx, rows(), rbm.hidden_size());
  ops::bernoulli(ctx, fair, ctx.next_draw(Layer::kHidden), hidden);
  hidden_ = hidden;
}

Tensor Tempering::scales(const Context& ctx) const {
  Tensor out = Tensor::zeros(1, rows());
  for (size_t r = 0; r < level_.size(); ++r) out.data()[r] = static_cast<float>(ladder_[level_[r]]);
  return out.to(ctx.backend().memory);
}

void Tempering::sweep(Rbm& rbm) {
  Context& ctx = rbm.context();
  const Tensor beta = scales(ctx);
  BitTensor visible = ops::zero_bits(ctx, rows(), rbm.visible_size());
  BitTensor hidden = ops::zero_bits(ctx, rows(), rbm.hidden_size());
  const Tensor down = unscaled(ctx, rbm, hidden_, Direction::kDown);
  ops::activate_rows(ctx, down, beta, ctx.next_draw(Layer::kVisible), nullptr, &visible);
  const Tensor up = unscaled(ctx, rbm, visible, Direction::kUp);
  ops::activate_rows(ctx, up, beta, ctx.next_draw(Layer::kHidden), nullptr, &hidden);
  visible_ = visible;
  hidden_ = hidden;
  if (ladder_.size() > 1) exchange(ctx, energies(ctx, rbm, up));
  ++sweeps_;
}

// E(v, h) of every row, `input` being v W + b.
std::vector<double> Tempering::energies(const Context& ctx, const Rbm& rbm,
                                        const Tensor& input) const {
  std::vector<double> energy(level_.size(), 0.0);
  ops::weighted_sums(ctx, visible_, rbm.visible_bias(), -1.0, energy.data());
  ops::weighted_sums(ctx, hidden_, input, -1.0, energy.data());
  if (fault("swap_energy_at_own_temperature"))
    for (size_t r = 0; r < energy.size(); ++r) energy[r] *= ladder_[level_[r]];
  return energy;
}

void Tempering::exchange(Context& ctx, const std::vector<double>& energy) {
  const Draw draw = ctx.next_draw(Layer::kSwap);
  const double sign = fault("swap_rule_sign") ? -1.0 : 1.0;
  const int64_t first = fault("swap_parity_stuck") ? 0 : sweeps_ % 2;
  for (int64_t t = first; t + 1 < ladder_.size(); t += 2) {
    double accepted = 0.0;
    for (int64_t c = 0; c < n_chains_; ++c) {
      const double rise = energy[static_cast<size_t>(row_at_[place(t + 1, c)])] -
                          energy[static_cast<size_t>(row_at_[place(t, c)])];
      const double p = std::exp(std::min(0.0, sign * (ladder_[t + 1] - ladder_[t]) * rise));
      accepted += p;
      if (fine_uniform(place(t, c), draw) < p && !fault("swaps_never_happen")) swap_levels(t, c);
    }
    ladder_.count(t, accepted, n_chains_);
  }
  note_ends();
}

void Tempering::swap_levels(int64_t t, int64_t c) {
  int64_t &below = row_at_[place(t, c)], &above = row_at_[place(t + 1, c)];
  std::swap(below, above);
  if (fault("swapped_labels_not_temperatures")) return;
  level_[static_cast<size_t>(below)] = t;
  level_[static_cast<size_t>(above)] = t + 1;
}

void Tempering::note_ends() {
  for (int64_t c = 0; c < n_chains_; ++c) {
    const size_t hot = static_cast<size_t>(row_at_[place(0, c)]),
                 cold = static_cast<size_t>(row_at_[place(ladder_.size() - 1, c)]);
    if (last_end_[hot] == kCold) last_end_[hot] = kHotAfterCold;
    if (last_end_[cold] == kHotAfterCold) ++trips_[cold];
    last_end_[cold] = kCold;
  }
}

BitTensor Tempering::at_level(const Context& ctx, const BitTensor& states, int64_t t) const {
  require(t >= 0 && t < ladder_.size(), "tempering", [&] {
    return "level must be in 0 ... " + std::to_string(ladder_.size() - 1) + ", got " +
           std::to_string(t);
  });
  return ops::gather(ctx, states, row_at_.data() + place(t, 0), n_chains_).bits();
}

BitTensor Tempering::visible_at(const Context& ctx, int64_t t) const {
  require(!visible_.empty(), "tempering", [&] { return "visible states are there after a sweep"; });
  return at_level(ctx, visible_, t);
}

BitTensor Tempering::hidden_at(const Context& ctx, int64_t t) const {
  return at_level(ctx, hidden_, t);
}

int64_t Tempering::round_trips() const {
  return std::accumulate(trips_.begin(), trips_.end(), int64_t{0});
}

void Tempering::forget() {
  ladder_.forget();
  std::fill(trips_.begin(), trips_.end(), 0);
}

}  // namespace gibbslab
