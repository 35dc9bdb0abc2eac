#include "csrc/models/unit_ais.h"

#include <algorithm>
#include <string>
#include <utility>

#include "csrc/core/error.h"
#include "csrc/core/faults.h"
#include "csrc/core/interrupt.h"
#include "csrc/ops/backend.h"

namespace gibbslab {

UnitAis::UnitAis(const UnitRbm& rbm, Tensor base_bias, std::vector<double> betas, int64_t n_chains,
                 Tensor start, uint64_t seed)
    : ctx_(rbm.context().backend(), seed, rbm.context().threads_requested()),
      rbm_(rbm),
      base_(std::move(base_bias)),
      betas_(std::move(betas)),
      backwards_(!start.empty()),
      scale_(1.0 / rbm.temperature()),
      v_(std::move(start)) {
  require(betas_.size() >= 2 && betas_.front() == 0.0 && betas_.back() == 1.0, "ais",
          [&] { return "betas must rise from 0 to 1"; });
  const int64_t visible = rbm_.visible_size();
  require(base_.cols() == visible, "ais", [&] {
    return "base_bias must have " + std::to_string(visible) + " values, got " +
           std::to_string(base_.cols());
  });
  require(!backwards_ || v_.cols() == visible, "ais",
          [&] { return "start must have one column per visible unit"; });
  require(backwards_ || n_chains >= 1, "ais",
          [&] { return "n_chains must be at least 1, got " + std::to_string(n_chains); });
  if (rbm_.gaussian(Side::kVisible)) {
    Tensor natural = ops::zeros(ctx_, 1, visible);
    ops::divide_by(ctx_, base_, nullptr, &rbm_.variance(Side::kVisible), natural);
    base_ = natural;
  }
  difference_ = ops::zeros(ctx_, 1, visible);
  ops::linear(ctx_, {1.0, &rbm_.natural_bias(Side::kVisible), -1.0, &base_}, difference_);
  if (!backwards_) draw_base(n_chains);
  log_weights_.assign(static_cast<size_t>(v_.rows()), 0.0);
}

void UnitAis::draw_base(int64_t n_chains) {
  v_ = ops::zeros(ctx_, n_chains, base_.cols());
  ops::activate_units(ctx_, rbm_.exact_units(Side::kVisible, scale_),
                      {nullptr, &base_, scale_, scale_}, ctx_.next_draw(Layer::kVisible), nullptr,
                      &v_);
}

// log w += log p*_to(v) - log p*_from(v), from v W~.
void UnitAis::weigh(const Tensor& received, double from, double to) {
  const Units hidden = rbm_.exact_units(Side::kHidden, scale_);
  const Tensor& bias = rbm_.natural_bias(Side::kHidden);
  for (double t : {to, from})
    ops::units_log_normaliser(ctx_, hidden, {&received, &bias, t * scale_, t * scale_},
                              t == to ? 1.0 : -1.0, log_weights_.data());
  ops::weighted_sums(ctx_, States(v_), difference_, scale_ * (to - from), log_weights_.data());
}

// One Gibbs sweep that leaves p_to invariant.
void UnitAis::transition(const Tensor& received, double to, double share) {
  const double coupling = to * scale_;
  Tensor h = ops::zeros(ctx_, v_.rows(), rbm_.hidden_size());
  ops::activate_units(ctx_, rbm_.exact_units(Side::kHidden, scale_),
                      {&received, &rbm_.natural_bias(Side::kHidden), coupling, coupling},
                      ctx_.next_draw(Layer::kHidden), nullptr, &h);
  Tensor bias = ops::zeros(ctx_, 1, base_.cols());
  ops::linear(ctx_, {share, &rbm_.natural_bias(Side::kVisible), 1.0 - share, &base_}, bias);
  const Tensor down = rbm_.product(Side::kVisible, h);
  v_ = ops::zeros(ctx_, v_.rows(), v_.cols());
  ops::activate_units(ctx_, rbm_.exact_units(Side::kVisible, scale_),
                      {&down, &bias, coupling, scale_}, ctx_.next_draw(Layer::kVisible), nullptr,
                      &v_);
}

void UnitAis::step() {
  const int64_t total = static_cast<int64_t>(betas_.size()) - 1;
  const double from = backwards_ ? betas_[total - done_] : betas_[done_];
  const double to = backwards_ ? betas_[total - done_ - 1] : betas_[done_ + 1];
  const Tensor received = rbm_.product(Side::kHidden, v_);
  if (from != to) weigh(received, from, to);
  ++done_;
  if (done_ < total) transition(received, to, fault("unit_ais_last_bias") ? from : to);
}

int64_t UnitAis::advance(int64_t count) {
  const int64_t total = static_cast<int64_t>(betas_.size()) - 1;
  const int64_t stop = std::min(total, done_ + count);
  while (done_ < stop) {
    step();
    poll_interrupt();
  }
  return total - done_;
}

double UnitAis::log_partition_base() const {
  double sum = -scale_ * rbm_.constant();
  ops::units_log_normaliser(ctx_, rbm_.exact_units(Side::kVisible, scale_),
                            {nullptr, &base_, scale_, scale_}, 1.0, &sum);
  const Tensor& bias = rbm_.natural_bias(Side::kHidden);
  ops::units_log_normaliser(ctx_, rbm_.exact_units(Side::kHidden, scale_),
                            {nullptr, &bias, 0.0, 0.0}, 1.0, &sum);
  return sum;
}

}  // namespace gibbslab
