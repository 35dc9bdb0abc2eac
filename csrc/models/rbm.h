// The Bernoulli-Bernoulli restricted Boltzmann machine (Smolensky 1986; Hinton 2002).
//
//   E(v, h) = -v^T W h - a^T v - b^T h,  p(v, h) = exp(-beta E) / Z,  v in {0,1}^V, h in {0,1}^H
#pragma once

#include <functional>
#include <vector>

#include "csrc/core/context.h"
#include "csrc/core/tensor.h"
#include "csrc/ops/chains.h"
#include "csrc/ops/linalg.h"
#include "csrc/ops/reduce.h"
#include "csrc/ops/sampling.h"

namespace gibbslab {

// What one half-step leaves: probabilities and, where asked for, 0/1 states; both (B, N).
struct LayerState {
  Tensor mean;
  BitTensor sample;
};

// A half-step into new tensors: `step` says all but the draw and the outputs.
LayerState run_half_step(Context& ctx, HalfStep step, bool mean, bool sample);

// The tuple of a contrastive-divergence pass, with the labels of models that have some, one-hot.
struct CdPass {
  LayerState h0, v1, h1;
  BitTensor y1;
};

// Visible units held at known values: mask (1, V) or (B, V), known (B, V).
struct Clamp {
  BitTensor mask;
  States known;
};

struct Sweeps {
  int64_t steps = 1;
  float beta = 1.0f;
  const Clamp* clamp = nullptr;
  bool visible_mean = true;   // whether the last visible probabilities are wanted
  bool hidden_sample = true;  // whether the last hidden states are wanted (from hidden)
};

// The steps, at least 1; a planted fault adds one.
int64_t checked_steps(const Sweeps& sweeps, bool one_too_many);

class Rbm {
 public:
  Rbm(Context ctx, int64_t visible_size, int64_t hidden_size);

  int64_t visible_size() const { return weights_.get().rows(); }
  int64_t hidden_size() const { return weights_.get().cols(); }
  Context& context() { return ctx_; }
  const Context& context() const { return ctx_; }

  // W (V, H), a (1, V), b (1, H). Setters copy nothing and check shapes.
  const Weights& weights() const { return weights_; }
  const Tensor& visible_bias() const { return visible_bias_; }
  const Tensor& hidden_bias() const { return hidden_bias_; }
  void set_weights(Tensor w);
  // With the transpose (H, V), in the storage that take_transposed() gave.
  void set_weights(Tensor w, Tensor wt);
  Tensor take_transposed() { return weights_.take_transposed(); }
  void set_visible_bias(Tensor a);
  void set_hidden_bias(Tensor b);
  // Factors of v W and h W^T in the half-steps, 1 at first: 2 where a layer stands for two copies
  // of itself (greedy training of a DBM). Energies and likelihoods know nothing of them.
  void set_input_scales(float up, float down);
  bool has_input_scales() const { return up_scale_ != 1.0f || down_scale_ != 1.0f; }
  // W ~ Normal(0, deviation^2), biases 0.
  void initialize(float deviation);

  Tensor hidden_mean(const States& v, float beta);
  Tensor visible_mean(const States& h, float beta);
  BitTensor sample_hidden(const States& v, float beta);
  BitTensor sample_visible(const States& h, float beta);

  // h0 from v, then k sweeps from its sample.
  CdPass cd_pass(const States& v, int64_t k);
  // Sweeps h -> v -> h from real-valued or binary h; returns the last v and h.
  CdPass gibbs_from_hidden(const States& h, const Sweeps& sweeps);
  // Sweeps v -> h -> v; the returned v1 keeps the clamped units.
  CdPass gibbs_from_visible(const States& v, const Sweeps& sweeps);

  std::vector<double> free_energy(const States& v, double beta) const;
  std::vector<double> energy(const States& v, const States& h, double beta) const;
  // Exact, over all units; v binary.
  std::vector<double> pseudo_likelihood(const BitTensor& v, double beta) const;
  double log_partition(double beta) const;

  LayerState half_step(const States& input, Direction direction, float beta, bool mean,
                       bool sample);

 private:
  States after_down(CdPass& pass, const Clamp* clamp);
  bool fusible(const States& start, const Sweeps& sweeps, int64_t steps) const;
  CdPass fused_sweeps(const BitTensor& start, bool from_hidden, const Sweeps& sweeps,
                      int64_t steps);
  CdPass fused_stretch(const ChainSweeps& loop, const Sweeps& sweeps, int64_t steps, bool last);
  RbmView view(double beta) const;

  Context ctx_;
  Weights weights_;
  Tensor visible_bias_, hidden_bias_;
  float up_scale_ = 1.0f, down_scale_ = 1.0f;
};

// beta times a bias, without a copy when beta is 1.
Tensor scaled_bias(const Context& ctx, const Tensor& bias, float beta);

}  // namespace gibbslab
