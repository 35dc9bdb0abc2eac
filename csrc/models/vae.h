// Variational autoencoders (Kingma and Welling 2014) of fully connected layers: the training step
// as one call, and the weights of latent samples that bounds on the likelihood are made of.
#pragma once

#include <memory>
#include <vector>

#include "csrc/nn/chain.h"
#include "csrc/nn/optimizer.h"

namespace gibbslab {

// q(z|x) = N(mean, exp(log_variance)) of what the encoder makes of x, or of x itself where it has
// no layers; p(x|z) Bernoulli with the decoder's last values as logits, or, where data_log_variance
// (1, 1) or (1, V) is given, normal with them as means.
struct VaeLayers {
  std::vector<nn::ChainLayer> encoder, decoder;
  nn::ChainLayer mean, log_variance;
  nn::Variable data_log_variance;
};

// Sums over a batch, in nats.
struct VaeLoss {
  double reconstruction = 0, kl = 0;
};

class VaeTrainer {
 public:
  VaeTrainer(const Context& ctx, const VaeLayers& layers);

  // Sets the gradients of all parameters, of reconstruction + beta kl, for a batch x (N, V): the
  // reconstruction's mean over S latent samples each, sample s of row n by row s N + n of `draw`.
  void gradients(const Tensor& x, const Draw& draw, double beta, int64_t samples = 1);
  // Of the latest batch; waits for the device.
  VaeLoss loss() const;

  // Means and log-variances (N, Z) of q(z|x); they stay until the next call of encode or gradients.
  void encode(const Tensor& x);
  const Tensor& mean() const { return *mu_; }
  const Tensor& log_variance() const { return *log_var_; }
  // After encode(x), with one z ~ q(z|x) for each row: likelihood[n] = log p(x|z) and
  // ratio[n] = log p(z) - log q(z|x), in nats.
  void log_weights(const Tensor& x, const Draw& draw, double* likelihood, double* ratio);
  const Context& context() const { return ctx_; }

 private:
  void draw_noise(const Draw& draw, int64_t samples);
  void sample();
  void spread_variance(int64_t n);
  void decoder_loss(const Tensor& x, bool with_gradients);
  void latent_gradients(double beta);

  Context ctx_;
  std::unique_ptr<nn::Chain> encoder_;  // null: no layers
  nn::Chain mean_, log_variance_, decoder_;
  nn::Variable data_log_variance_;
  int64_t samples_ = 1;
  Tensor halves_, latent_, noise_, deviation_, mean_gradient_, log_variance_gradient_,
      latent_gradient_, encoder_gradient_, output_gradient_, reconstruction_, kl_;
  Tensor variances_, variances_gradient_, variance_gradient_;  // of p(x|z): (N, V) twice, as given
  const Tensor *hidden_ = nullptr, *mu_ = nullptr, *log_var_ = nullptr, *output_ = nullptr;
};

}  // namespace gibbslab
