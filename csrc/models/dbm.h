// The deep Boltzmann machine of Bernoulli layers x_0 (visible), x_1, ..., x_D, D >= 2
// (Salakhutdinov and Hinton 2009).
//
//   E(x) = -sum_l x_l^T W_l x_{l+1} - sum_l b_l^T x_l,  p(x) = exp(-beta E) / Z
//
// Layers of one parity are independent given those of the other: every step updates first all odd
// layers, then all even ones, or the reverse.
#pragma once

#include <vector>

#include "csrc/models/rbm.h"

namespace gibbslab {

// A batch of every layer, x[l] (B, N_l).
using Layers = std::vector<States>;

struct MeanFieldOptions {
  int64_t max_iterations = 30;
  // Of the largest change of a row's means in an iteration, below which the row stops; 0: never,
  // and no means are extrapolated.
  double tolerance = 1e-4;
  float beta = 1.0f;
};

// The factorial posterior of the hidden layers given x_0.
struct MeanField {
  Layers layers;                // x_0 as given, then means (B, N_l)
  int64_t iterations = 0;       // made, by the row that took the most
  std::vector<double> changes;  // (B) largest change of each row's means in its last
};

struct LayerSweeps {
  int64_t steps = 1;
  float beta = 1.0f;
  const Clamp* clamp = nullptr;  // of visible units
  bool means = true;             // whether the last means of even layers are wanted
};

class Dbm {
 public:
  // sizes N_0 ... N_D.
  Dbm(Context ctx, const std::vector<int64_t>& sizes);

  // D + 1, the visible layer included.
  int64_t layers() const { return static_cast<int64_t>(biases_.size()); }
  int64_t size(int64_t layer) const { return biases_[layer].cols(); }
  Context& context() { return ctx_; }
  const Context& context() const { return ctx_; }

  // W_l (N_l, N_{l+1}), l < D; b_l (1, N_l). Setters copy nothing and check shapes.
  const Weights& weights(int64_t l) const { return weights_[l]; }
  const Tensor& bias(int64_t l) const { return biases_[l]; }
  void set_weights(int64_t l, Tensor w);
  // With the transpose, in the storage that take_transposed() gave.
  void set_weights(int64_t l, Tensor w, Tensor wt);
  Tensor take_transposed(int64_t l) { return weights_[l].take_transposed(); }
  void set_bias(int64_t l, Tensor b);
  // W_l ~ Normal(0, deviation^2), biases 0.
  void initialize(float deviation);

  // Layer l given its neighbours in x.
  LayerState layer_step(const Layers& x, int64_t l, float beta, bool mean, bool sample);
  // Samples from the bottom up, all inputs but the top layer's doubled in place of what lies above:
  // where chains start.
  Layers up_pass(const States& v, float beta);
  // Means of the hidden layers by fixed-point iteration, odd layers first: each half of it is
  // exact given the other, so the bound on log p(v) never falls. With a tolerance, even layers are
  // extrapolated on the way (csrc/ops/mean_field.h).
  MeanField infer(const States& v, const MeanFieldOptions& options) const;
  // Sweeps of even layers given odd ones, then odd given even. Reads and replaces x; only its odd
  // layers are read. Returns the last means and samples.
  std::vector<LayerState> gibbs(Layers& x, const LayerSweeps& sweeps);

  // beta E(x) of every row, in nats.
  std::vector<double> energy(const Layers& x, double beta) const;
  // The same model as an RBM: visible units all even layers side by side, hidden units all odd
  // ones; W has zeros between layers that do not touch. Its AIS and exact log Z are the DBM's.
  Rbm stacked() const;

 private:
  // A product's part of a step: scale x W or x W^T, and the bias.
  struct Input {
    const States* x;
    const Weights* weights;
    Direction direction;
  };
  void run_step(const Input& input, const Tensor* bias, const Tensor* added, float scale,
                HalfStep outputs) const;
  void step_given(const Layers& x, int64_t l, float beta, const Tensor* from_below,
                  const HalfStep& outputs) const;
  Tensor input_from_below(const States& below, int64_t l, float beta) const;
  std::vector<Tensor> first_means(const States& v, float beta) const;
  MeanField infer_at_once(const States& v, const MeanFieldOptions& options) const;
  MeanField iterate(const States& v, const MeanFieldOptions& options) const;
  void sweep_parity(const Layers& given, int64_t parity, const LayerSweeps& sweeps, bool means,
                    Layers& x, std::vector<LayerState>& out);
  void require_layers(const char* op, const Layers& x, int64_t first, int64_t stride) const;

  Context ctx_;
  std::vector<Weights> weights_;
  std::vector<Tensor> biases_;
};

}  // namespace gibbslab
