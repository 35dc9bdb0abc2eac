#include "csrc/models/vae.h"

#include "csrc/core/error.h"
#include "csrc/core/faults.h"
#include "csrc/ops/backend.h"

namespace gibbslab {
namespace {

double total(const Tensor& rows) {
  const Tensor here = rows.to(host_memory());
  double sum = 0;
  for (int64_t r = 0; r < here.rows(); ++r) sum += static_cast<double>(here.row(r)[0]);
  return sum;
}

}  // namespace

VaeTrainer::VaeTrainer(const Context& ctx, const VaeLayers& layers)
    : ctx_(ctx),
      encoder_(ctx, layers.encoder),
      mean_(ctx, {layers.mean}),
      log_variance_(ctx, {layers.log_variance}),
      decoder_(ctx, layers.decoder) {
  require(layers.mean.weight.rows() == layers.log_variance.weight.rows() &&
              layers.mean.weight.rows() == layers.decoder.front().weight.cols(),
          "VAE", [] { return "means, log-variances and the decoder must have one latent size"; });
  require(decoder_.last_activation().kind == FunctionKind::kIdentity, "VAE",
          [] { return "the decoder must end in logits"; });
}

// z = mu + exp(log_var / 2) noise.
void VaeTrainer::sample(const Draw& draw) {
  const int64_t n = mu_->rows(), size = mu_->cols();
  for (Tensor* x : {&latent_, &noise_, &deviation_}) nn::reserve(ctx_, n, size, *x);
  ops::normal(ctx_, draw, 0.0f, 1.0f, noise_);
  const double half = fault("vae_variance_for_deviation") ? 1.0 : 0.5;
  ops::linear(ctx_, {half, log_var_, 0.0, nullptr, 0.0}, deviation_);
  ops::map(ctx_, {FunctionKind::kExp, 0.0f}, deviation_, deviation_);
  ops::combine(ctx_, Arithmetic::kMultiply, deviation_, noise_, noise_);
  ops::combine(ctx_, Arithmetic::kAdd, *mu_, noise_, latent_);
}

// To those of beta times the KL divergence, adds what comes through z: by mu its gradient, by
// log_var half of it times exp(log_var / 2) noise.
void VaeTrainer::latent_gradients(double beta) {
  const int64_t n = mu_->rows(), size = mu_->cols();
  nn::reserve(ctx_, n, 1, kl_);
  nn::reserve(ctx_, n, size, mean_gradient_);
  nn::reserve(ctx_, n, size, log_variance_gradient_);
  Loss job;
  job.kind = LossKind::kKl;
  job.prediction = mu_;
  job.log_variance = log_var_;
  job.rows = &kl_;
  job.gradient = &mean_gradient_;
  job.log_variance_gradient = &log_variance_gradient_;
  job.scale = static_cast<float>(beta);
  ops::loss(ctx_, job);
  ops::linear(ctx_, {1.0, &mean_gradient_, 1.0, &latent_gradient_, 0.0}, mean_gradient_);
  ops::combine(ctx_, Arithmetic::kMultiply, latent_gradient_, noise_, noise_);
  ops::linear(ctx_, {1.0, &log_variance_gradient_, 0.5, &noise_, 0.0}, log_variance_gradient_);
}

void VaeTrainer::gradients(const Tensor& x, const Draw& draw, double beta) {
  const int64_t n = x.rows();
  hidden_ = &encoder_.forward(x);
  mu_ = &mean_.forward(*hidden_);
  log_var_ = &log_variance_.forward(*hidden_);
  sample(draw);
  const Tensor& logits = decoder_.forward(latent_);
  nn::reserve(ctx_, n, 1, reconstruction_);
  nn::reserve(ctx_, n, logits.cols(), logits_gradient_);
  Loss job;
  job.kind = LossKind::kBernoulliLogits;
  job.prediction = &logits;
  job.target = &x;
  job.rows = &reconstruction_;
  job.gradient = &logits_gradient_;
  ops::loss(ctx_, job);
  nn::reserve(ctx_, n, latent_.cols(), latent_gradient_);
  decoder_.backward(latent_, logits_gradient_, &latent_gradient_);
  latent_gradients(beta);
  nn::reserve(ctx_, n, hidden_->cols(), encoder_gradient_);
  mean_.backward(*hidden_, mean_gradient_, &encoder_gradient_);
  log_variance_.backward(*hidden_, log_variance_gradient_, &encoder_gradient_,
                         encoder_.last_activation(), true);
  encoder_.backward(x, encoder_gradient_);
}

VaeLoss VaeTrainer::loss() const { return {total(reconstruction_), total(kl_)}; }

}  // namespace gibbslab
