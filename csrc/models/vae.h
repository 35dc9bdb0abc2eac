// The training step of a variational autoencoder (Kingma and Welling 2014) of fully connected
// layers, as one call: forward, loss, backward, optimiser.
#pragma once

#include <vector>

#include "csrc/nn/chain.h"
#include "csrc/nn/optimizer.h"

namespace gibbslab {

// q(z|x) = N(mean, exp(log_variance)) of what the encoder makes of x; p(x|z) Bernoulli with the
// decoder's last values as logits.
struct VaeLayers {
  std::vector<nn::ChainLayer> encoder, decoder;
  nn::ChainLayer mean, log_variance;
};

// Sums over a batch, in nats.
struct VaeLoss {
  double reconstruction = 0, kl = 0;
};

class VaeTrainer {
 public:
  VaeTrainer(const Context& ctx, const VaeLayers& layers);

  // Sets the gradients of all parameters, of reconstruction + beta kl, for a batch x (N, V) and
  // one latent sample each, by the deviates of `draw`.
  void gradients(const Tensor& x, const Draw& draw, double beta);
  // Of the latest batch; waits for the device.
  VaeLoss loss() const;
  const Context& context() const { return ctx_; }

 private:
  void sample(const Draw& draw);
  void latent_gradients(double beta);

  Context ctx_;
  nn::Chain encoder_, mean_, log_variance_, decoder_;
  Tensor latent_, noise_, deviation_, mean_gradient_, log_variance_gradient_, latent_gradient_,
      encoder_gradient_, logits_gradient_, reconstruction_, kl_;
  const Tensor *hidden_ = nullptr, *mu_ = nullptr, *log_var_ = nullptr;
};

}  // namespace gibbslab
