#include "csrc/models/vae.h"

#include <algorithm>

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

Tensor block(const Tensor& x, int64_t s, int64_t n) { return x.slice(s * n, (s + 1) * n); }

void require_layers(const VaeLayers& layers) {
  require(!layers.decoder.empty(), "VAE", [] { return "the decoder must have a layer"; });
  require(layers.mean.weight.rows() == layers.log_variance.weight.rows() &&
              layers.mean.weight.rows() == layers.decoder.front().weight.cols(),
          "VAE", [] { return "means, log-variances and the decoder must have one latent size"; });
  require(layers.decoder.back().activation.kind == FunctionKind::kIdentity, "VAE",
          [] { return "the decoder must end without an activation"; });
  const nn::Variable& v = layers.data_log_variance;
  const int64_t width = layers.decoder.back().weight.rows();
  require(!v || (v.rows() == 1 && (v.cols() == 1 || v.cols() == width)), "VAE",
          [] { return "log-variances of the data must have 1 or as many values as the data"; });
}

}  // namespace

VaeTrainer::VaeTrainer(const Context& ctx, const VaeLayers& layers)
    : ctx_(ctx),
      numbers_(ctx.backend().memory),
      mean_(ctx, {layers.mean}),
      log_variance_(ctx, {layers.log_variance}),
      decoder_(ctx, layers.decoder),
      data_log_variance_(layers.data_log_variance) {
  require_layers(layers);
  if (!layers.encoder.empty()) encoder_ = std::make_unique<nn::Chain>(ctx, layers.encoder);
}

// The buffers take the size of this batch, and with them go the steps that know their places.
void VaeTrainer::encode(const Tensor& x) {
  steps_.forget();
  encode_batch(x);
}

void VaeTrainer::encode_batch(const Tensor& x) {
  hidden_ = encoder_ ? &encoder_->forward(x) : &x;
  mu_ = &mean_.forward(*hidden_);
  log_var_ = &log_variance_.forward(*hidden_);
}

void VaeTrainer::reserve_noise(int64_t samples) {
  samples_ = samples;
  nn::reserve(ctx_, samples * mu_->rows(), mu_->cols(), noise_);
}

// z = mu + exp(log_var / 2) noise; the noise becomes what is added.
void VaeTrainer::sample() {
  const int64_t n = mu_->rows(), size = mu_->cols();
  nn::reserve(ctx_, n, size, deviation_);
  nn::reserve(ctx_, noise_.rows(), size, latent_);
  const double half = fault("vae_variance_for_deviation") ? 1.0 : 0.5;
  ops::linear(ctx_, {half, log_var_, 0.0, nullptr, 0.0}, deviation_);
  ops::map(ctx_, {FunctionKind::kExp, 0.0f}, deviation_, deviation_);
  for (int64_t s = 0; s < samples_; ++s) {
    Tensor noise = block(noise_, s, n), latent = block(latent_, s, n);
    ops::combine(ctx_, Arithmetic::kMultiply, deviation_, noise, noise);
    ops::combine(ctx_, Arithmetic::kAdd, *mu_, noise, latent);
  }
}

// The log-variance of every element of n rows.
void VaeTrainer::spread_variance(int64_t n) {
  nn::reserve(ctx_, n, output_->cols(), variances_);
  const Tensor zero = ops::zeros(ctx_, 1, 1);
  ops::combine(ctx_, Arithmetic::kAdd, zero, data_log_variance_.value(), variances_);
}

// -log p(x|z) of every row of the decoder's output, sample by sample.
void VaeTrainer::decoder_loss(const Tensor& x, bool with_gradients) {
  const int64_t n = x.rows(), rows = output_->rows();
  nn::reserve(ctx_, rows, 1, reconstruction_);
  if (with_gradients) nn::reserve(ctx_, rows, x.cols(), output_gradient_);
  if (data_log_variance_) spread_variance(n);
  const bool learned = with_gradients && data_log_variance_ && data_log_variance_.needs_gradient();
  if (learned) nn::reserve(ctx_, rows, x.cols(), variances_gradient_);
  for (int64_t s = 0; s < samples_; ++s) {
    const Tensor output = block(*output_, s, n);
    Tensor sums = block(reconstruction_, s, n), gradient, variance_gradient;
    Loss job;
    job.kind = data_log_variance_ ? LossKind::kGaussian : LossKind::kBernoulliLogits;
    job.prediction = &output;
    job.target = &x;
    job.rows = &sums;
    job.scale = fault("vae_samples_summed") ? 1.0f : 1.0f / static_cast<float>(samples_);
    if (data_log_variance_) job.log_variance = &variances_;
    if (with_gradients) job.gradient = &(gradient = block(output_gradient_, s, n));
    if (learned)
      job.log_variance_gradient = &(variance_gradient = block(variances_gradient_, s, n));
    ops::loss(ctx_, job);
  }
  if (!learned) return;
  nn::reserve(ctx_, 1, data_log_variance_.cols(), variance_gradient_);
  ops::sum_to(ctx_, variances_gradient_, 1.0, variance_gradient_);
  data_log_variance_.set_gradient({ctx_, variance_gradient_});
}

// To those of beta times the KL divergence, adds what comes through z: by mu its gradient, by
// log_var half of it times exp(log_var / 2) noise.
void VaeTrainer::latent_gradients() {
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
  job.factor = &numbers_.get()->beta;
  ops::loss(ctx_, job);
  for (int64_t s = 0; s < samples_; ++s) {
    const Tensor gradient = block(latent_gradient_, s, n);
    Tensor noise = block(noise_, s, n);
    ops::linear(ctx_, {1.0, &mean_gradient_, 1.0, &gradient, 0.0}, mean_gradient_);
    ops::combine(ctx_, Arithmetic::kMultiply, gradient, noise, noise);
    ops::linear(ctx_, {1.0, &log_variance_gradient_, 0.5, &noise, 0.0}, log_variance_gradient_);
  }
}

void VaeTrainer::gradients(const Tensor& x, int64_t samples) {
  encode_batch(x);
  reserve_noise(samples);
  ops::normal_of_stored(ctx_, &numbers_.get()->draw, 0.0f, 1.0f, noise_);
  sample();
  output_ = &decoder_.forward(latent_);
  decoder_loss(x, true);
  nn::reserve(ctx_, latent_.rows(), latent_.cols(), latent_gradient_);
  decoder_.backward(latent_, output_gradient_, &latent_gradient_);
  latent_gradients();
  if (!encoder_) {
    mean_.backward(x, mean_gradient_);
    return log_variance_.backward(x, log_variance_gradient_);
  }
  nn::reserve(ctx_, x.rows(), hidden_->cols(), encoder_gradient_);
  mean_.backward(*hidden_, mean_gradient_, &encoder_gradient_);
  log_variance_.backward(*hidden_, log_variance_gradient_, &encoder_gradient_,
                         encoder_->last_activation(), true);
  encoder_->backward(x, encoder_gradient_);
}

std::vector<const nn::Chain*> VaeTrainer::chains() const {
  std::vector<const nn::Chain*> out{&mean_, &log_variance_, &decoder_};
  if (encoder_) out.push_back(encoder_.get());
  return out;
}

void VaeTrainer::give_gradients() const {
  for (const nn::Chain* chain : chains()) chain->give_gradients();
  if (data_log_variance_ && data_log_variance_.needs_gradient())
    data_log_variance_.set_gradient({ctx_, variance_gradient_});
}

nn::Steps::Places VaeTrainer::places(const Tensor& x, nn::Optimizer& optimizer) const {
  nn::Steps::Places out{x.data()};
  for (const nn::Chain* chain : chains()) chain->add_places(out);
  if (data_log_variance_) out.push_back(data_log_variance_.value().data());
  optimizer.add_places(out);
  return out;
}

int64_t VaeTrainer::step(const Tensor& x, nn::Optimizer& optimizer, const Draw& draw, double beta,
                         int64_t samples) {
  require(samples >= 1, "VAE", [] { return "there must be a sample"; });
  if (x.rows() != rows_ || samples != samples_) steps_.forget();
  rows_ = x.rows();
  samples_ = samples;
  numbers_.set({draw, optimizer.next_factors(), static_cast<float>(beta)});
  steps_.run(ctx_, places(x, optimizer), [&] {
    gradients(x, samples);
    optimizer.queue(&numbers_.get()->factors);
  });
  give_gradients();
  return optimizer.finish();
}

VaeLoss VaeTrainer::loss() const {
  return {total(reconstruction_) / static_cast<double>(samples_), total(kl_)};
}

// log q(z|x) = -(noise^2 + log_var + log 2 pi) / 2 and log p(z) = -(z^2 + log 2 pi) / 2, summed.
void VaeTrainer::log_weights(const Tensor& x, const Draw& draw, double* likelihood, double* ratio) {
  const int64_t n = x.rows();
  std::fill(ratio, ratio + n, 0.0);
  steps_.forget();
  reserve_noise(1);
  ops::normal(ctx_, draw, 0.0f, 1.0f, noise_);
  if (!fault("vae_proposal_left_out")) ops::weighted_sums(ctx_, noise_, noise_, 0.5, ratio);
  nn::reserve(ctx_, 1, mu_->cols(), halves_);
  ops::linear(ctx_, {0.0, &halves_, 0.0, nullptr, 0.5}, halves_);
  ops::weighted_sums(ctx_, *log_var_, halves_, 1.0, ratio);
  sample();
  ops::weighted_sums(ctx_, latent_, latent_, -0.5, ratio);
  output_ = &decoder_.forward(latent_);
  decoder_loss(x, false);
  const Tensor rows = reconstruction_.to(host_memory());
  for (int64_t r = 0; r < n; ++r) likelihood[r] = -static_cast<double>(rows.row(r)[0]);
}

}  // namespace gibbslab
