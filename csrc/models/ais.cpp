#include "csrc/models/ais.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "csrc/core/error.h"
#include "csrc/core/faults.h"
#include "csrc/core/interrupt.h"
#include "csrc/ops/backend.h"

namespace gibbslab {

Ais::Ais(const Rbm& rbm, Tensor base_bias, std::vector<double> betas, int64_t n_chains,
         BitTensor start, uint64_t seed)
    : ctx_(rbm.context().backend(), seed, rbm.context().threads_requested()),
      weights_(rbm.weights().get().clone()),
      visible_bias_(rbm.visible_bias().clone()),
      hidden_bias_(rbm.hidden_bias().clone()),
      base_bias_(std::move(base_bias)),
      bias_difference_(ops::zeros(ctx_, 1, visible_bias_.cols())),
      betas_(std::move(betas)),
      backwards_(!start.empty()),
      v_(std::move(start)) {
  require(betas_.size() >= 2 && betas_.front() == 0.0 && betas_.back() == 1.0, "ais",
          [&] { return "betas must rise from 0 to 1"; });
  require(base_bias_.cols() == visible_bias_.cols(), "ais", [&] {
    return "base_bias must have " + std::to_string(visible_bias_.cols()) + " values, got " +
           std::to_string(base_bias_.cols());
  });
  ops::linear(ctx_, {1.0, &visible_bias_, -1.0, &base_bias_}, bias_difference_);
  if (backwards_) {
    require(v_.cols() == visible_bias_.cols(), "ais",
            [&] { return "start must have one column per visible unit"; });
    n_chains = v_.rows();
  }
  require(n_chains >= 1, "ais",
          [&] { return "n_chains must be at least 1, got " + std::to_string(n_chains); });
  if (!backwards_) v_ = ops::zero_bits(ctx_, n_chains, visible_bias_.cols());
  input_ = ops::zeros(ctx_, n_chains, hidden_bias_.cols());
  log_weights_.assign(static_cast<size_t>(n_chains), 0.0);
  if (!backwards_) draw_base();
}

void Ais::draw_base() {
  Tensor mean = ops::zeros(ctx_, 1, base_bias_.cols());
  ops::sigmoid(ctx_, base_bias_, mean);
  ops::bernoulli(ctx_, mean, ctx_.next_draw(Layer::kVisible), v_);
}

// log w += log p*_to(v) - log p*_from(v), leaving v W + b in input_.
void Ais::weigh(double from, double to) {
  const States v(v_);
  HalfStep step;
  step.input = &v;
  step.weights = &weights_;
  step.bias = &hidden_bias_;
  step.pre = &input_;
  ops::half_step(ctx_, step);
  ops::softplus_difference(ctx_, input_, static_cast<float>(from), static_cast<float>(to),
                           log_weights_.data());
  ops::weighted_sums(ctx_, v, bias_difference_, to - from, log_weights_.data());
}

// One Gibbs sweep that leaves p_beta invariant, from the input that weigh() left.
void Ais::transition(const Temperature& at) {
  const float beta = static_cast<float>(at.to);
  BitTensor h = ops::zero_bits(ctx_, v_.rows(), hidden_bias_.cols());
  ops::activate(ctx_, input_, beta, {ctx_.seed(), at.hidden_stream, 0}, nullptr, &h);
  Tensor bias = ops::empty(ctx_, 1, base_bias_.cols());
  ops::linear(ctx_, {at.share, &visible_bias_, 1.0 - at.share, &base_bias_}, bias);
  const States hidden(h);
  HalfStep step;
  step.input = &hidden;
  step.weights = &weights_;
  step.bias = &bias;
  step.direction = Direction::kDown;
  step.scale = beta;
  step.draw = {ctx_.seed(), at.visible_stream, 0};
  step.sample = &v_;
  ops::half_step(ctx_, step);
}

// The temperature after `done` of them, with its draws.
Temperature Ais::temperature(int64_t done) {
  const int64_t total = static_cast<int64_t>(betas_.size()) - 1;
  Temperature at;
  at.from = backwards_ ? betas_[total - done] : betas_[done];
  at.to = backwards_ ? betas_[total - done - 1] : betas_[done + 1];
  at.share = fault("ais_last_temperature_bias") ? at.from : at.to;
  at.moves = done + 1 < total;
  if (at.moves) {
    at.hidden_stream = ctx_.next_draw(Layer::kHidden).stream;
    at.visible_stream = ctx_.next_draw(Layer::kVisible).stream;
  }
  return at;
}

void Ais::run_plain() {
  const Temperature at = temperature(done_);
  weigh(at.from, at.to);
  ++done_;
  if (at.moves) transition(at);
}

void Ais::run_fused(int64_t count) {
  std::vector<Temperature> path;
  for (int64_t t = 0; t < count; ++t) path.push_back(temperature(done_ + t));
  Anneal job;
  job.model = {&weights_, &visible_bias_, &hidden_bias_};
  job.base_bias = &base_bias_;
  job.bias_difference = &bias_difference_;
  job.path = path.data();
  job.count = count;
  job.seed = ctx_.seed();
  job.v = &v_;
  job.log_weights = log_weights_.data();
  pace_.time([&] { ops::anneal(ctx_, job); });
  done_ += count;
}

int64_t Ais::advance(int64_t count) {
  const int64_t total = static_cast<int64_t>(betas_.size()) - 1;
  const int64_t stop = std::min(total, done_ + count);
  const ChainSizes sizes{v_.rows(), v_.cols(), hidden_bias_.cols(), stop - done_};
  const bool fused = done_ < stop && ops::offers_chains(ctx_, sizes);
  while (done_ < stop) {
    if (fused)
      run_fused(std::min(pace_.steps(), stop - done_));
    else
      run_plain();
    poll_interrupt();
  }
  return total - done_;
}

double Ais::log_partition_base() const {
  double total = static_cast<double>(hidden_bias_.cols()) * std::log(2.0);
  const Tensor base = base_bias_.to(host_memory());
  for (int64_t i = 0; i < base.cols(); ++i) {
    const double x = base.data()[i];
    total += std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
  }
  return total;
}

}  // namespace gibbslab
