// Annealed importance sampling of an RBM's partition function (Neal 2001; Salakhutdinov and
// Murray 2008), forwards from a base-rate model or backwards from samples of the RBM.
//
//   p_beta(v) ~ exp((1 - beta) a0.v + beta a.v) prod_j (1 + exp(beta (b_j + v W_j)))
#pragma once

#include <vector>

#include "csrc/models/pace.h"
#include "csrc/models/rbm.h"
#include "csrc/ops/chains.h"

namespace gibbslab {

class Ais {
 public:
  // base_bias a0 (1, V); betas rise from 0 to 1. Forwards when `start` is empty, with n_chains
  // chains drawn from the base model; else backwards, from the rows of `start` (n_chains, V).
  Ais(const Rbm& rbm, Tensor base_bias, std::vector<double> betas, int64_t n_chains,
      BitTensor start, uint64_t seed);

  // Takes up to `count` temperatures; returns how many are left.
  int64_t advance(int64_t count);
  // log-weights (n_chains), in nats: forwards of Z / Z_base, backwards of Z_base / Z.
  const std::vector<double>& log_weights() const { return log_weights_; }
  // log Z of the base model: H log 2 + sum_i log(1 + exp(a0_i)).
  double log_partition_base() const;

 private:
  void draw_base();
  Temperature temperature(int64_t done);
  void weigh(double from, double to);
  void transition(const Temperature& at);
  void run_plain();
  void run_fused(int64_t count);

  Context ctx_;
  Weights weights_;
  Tensor visible_bias_, hidden_bias_, base_bias_, bias_difference_;
  std::vector<double> betas_;
  bool backwards_;
  int64_t done_ = 0;
  BitTensor v_;
  Tensor input_;  // v W + b of the current v
  std::vector<double> log_weights_;
  Pace pace_;
};

}  // namespace gibbslab
