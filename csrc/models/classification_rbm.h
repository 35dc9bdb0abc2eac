// The classification RBM (Larochelle and Bengio 2008): an RBM over visible units v and a label y,
//
//   E(y, v, h) = -v^T W h - U_y^T h - a^T v - b^T h - d_y,  v in {0,1}^V, h in {0,1}^H, y < K
//   p(y | v) ~ exp(d_y + sum_j log(1 + exp(b_j + U_yj + (v W)_j)))
#pragma once

#include <vector>

#include "csrc/core/context.h"
#include "csrc/core/tensor.h"
#include "csrc/models/labels.h"
#include "csrc/models/rbm.h"
#include "csrc/ops/linalg.h"

namespace gibbslab {

// Every label tried with every row of a batch of B.
struct ClassScores {
  std::vector<double> scores;  // (B, K): log p(y = k | v_r) but for a constant of the row
  Tensor means;                // E[h | v_r, y = k] in row r K + k, (B K, H), where asked for
};

// Sweeps h -> (v, y) -> h.
struct LabelledSweeps {
  int64_t steps = 1;
  BitTensor labels{};         // one-hot (B, K), to hold y at; empty: y is drawn
  bool visible_mean = true;   // whether the last visible probabilities are wanted
  bool hidden_sample = true;  // whether the last hidden states are wanted
};

class ClassificationRbm {
 public:
  ClassificationRbm(Context ctx, int64_t visible, int64_t hidden, int64_t classes);

  int64_t visible_size() const { return w_.get().rows(); }
  int64_t hidden_size() const { return w_.get().cols(); }
  int64_t classes() const { return u_.get().rows(); }
  Context& context() { return ctx_; }
  const Context& context() const { return ctx_; }

  // W (V, H), U (K, H), a (1, V), b (1, H), d (1, K). Setters check shapes.
  const Weights& weights() const { return w_; }
  const Weights& label_weights() const { return u_; }
  const Tensor& visible_bias() const { return a_; }
  const Tensor& hidden_bias() const { return b_; }
  const Tensor& label_bias() const { return d_; }
  void set_weights(Tensor w);
  void set_label_weights(Tensor u);
  void set_visible_bias(Tensor a);
  void set_hidden_bias(Tensor b);
  void set_label_bias(Tensor d);
  // W, U ~ Normal(0, deviation^2), biases 0.
  void initialize(float deviation);

  ClassScores class_scores(const States& v, bool means) const;
  // log p(y = k | v_r), (B, K), in nats, float64.
  std::vector<double> log_proba(const States& v) const;
  // -log sum_h exp(-E(y = k, v_r, h)), (B, K), in nats.
  std::vector<double> free_energy(const States& v) const;

  // The same with the labels summed out too, (B).
  std::vector<double> marginal_free_energy(const States& v) const;
  // E[h | v_r], the labels summed out, (B, H).
  Tensor hidden_mean(const States& v) const;

  // p(h | v, y) and a sample; y one-hot (B, K).
  LayerState hidden(const States& v, const BitTensor& y, bool mean, bool sample);
  // p(v | h) and a sample.
  LayerState visible(const States& h, bool mean, bool sample);
  // y ~ p(y | h), or y ~ p(y | v) with the hidden units summed out; one-hot.
  BitTensor sample_labels(const States& h);
  BitTensor sample_labels_given_visible(const States& v);

  // h0 from v and y, then k sweeps from its sample.
  CdPass cd_pass(const States& v, const BitTensor& y, int64_t k);
  // The last v, y and h.
  CdPass gibbs_from_hidden(const States& h, const LabelledSweeps& sweeps);

 private:
  Tensor input(const States& v) const;

  Context ctx_;
  Weights w_, u_;
  Tensor a_, b_, d_;
};

// In place, over each row of `scores` (B, K): exp(s_k) / sum_l exp(s_l), or its logarithm.
void softmax_rows(std::vector<double>& scores, int64_t classes, bool logarithm);
// out (B, H): the sum over labels k of coefficient_rk mean_rk, means in rows r K + k.
void sum_over_labels(const Context& ctx, const std::vector<double>& coefficients, int64_t classes,
                     const Tensor& means, Tensor& out);

}  // namespace gibbslab
