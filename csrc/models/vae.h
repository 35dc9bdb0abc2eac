// Variational autoencoders (Kingma and Welling 2014) of fully connected layers: the training step
// as one call, and the weights of latent samples that bounds on the likelihood are made of.
#pragma once

#include <memory>
#include <vector>

#include "csrc/core/stored.h"
#include "csrc/nn/chain.h"
#include "csrc/nn/optimizer.h"
#include "csrc/nn/steps.h"

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
  // Then moves the optimiser's parameters; returns what Optimizer::step() does.
  int64_t step(const Tensor& x, nn::Optimizer& optimizer, const Draw& draw, double beta,
               int64_t samples = 1);
  // Of the latest batch, before its step; waits for the device.
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
  // All by which a step differs from another of the same shapes.
  struct Numbers {
    Draw draw;
    DescentFactors factors;
    float beta = 1.0f;
  };

  void encode_batch(const Tensor& x);
  void reserve_noise(int64_t samples);
  void gradients(const Tensor& x, int64_t samples);
  void give_gradients() const;
  nn::Steps::Places places(const Tensor& x, nn::Optimizer& optimizer) const;
  std::vector<const nn::Chain*> chains() const;
  void sample();
  void spread_variance(int64_t n);
  void decoder_loss(const Tensor& x, bool with_gradients);
  void latent_gradients();

  Context ctx_;
  Stored<Numbers> numbers_;
  nn::Steps steps_;
  std::unique_ptr<nn::Chain> encoder_;  // null: no layers
  nn::Chain mean_, log_variance_, decoder_;
  nn::Variable data_log_variance_;
  int64_t rows_ = 0, samples_ = 1;  // of the steps that are kept
  Tensor halves_, latent_, noise_, deviation_, mean_gradient_, log_variance_gradient_,
      latent_gradient_, encoder_gradient_, output_gradient_, reconstruction_, kl_;
  Tensor variances_, variances_gradient_, variance_gradient_;  // of p(x|z): (N, V) twice, as given
  const Tensor *hidden_ = nullptr, *mu_ = nullptr, *log_var_ = nullptr, *output_ = nullptr;
};

}  // namespace gibbslab
