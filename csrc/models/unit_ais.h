// Annealed importance sampling of the partition function of a UnitRbm, as Ais does for the
// Bernoulli RBM: forwards from a base-rate model, or backwards from samples of the model.
//
//   p_t(v) ~ m(v) exp(-q(v) + ((1 - t) a0 + t a~).v + A_h(t (b~ + W~^T v))), all but A_h over T0
#pragma once

#include <vector>

#include "csrc/models/unit_rbm.h"

namespace gibbslab {

class UnitAis {
 public:
  // base_bias a0 (1, V), in the units of the visible bias; betas rise from 0 to 1. Forwards when
  // `start` is empty, with n_chains chains; else backwards, from the rows of `start` (n_chains, V).
  UnitAis(const UnitRbm& rbm, Tensor base_bias, std::vector<double> betas, int64_t n_chains,
          Tensor start, uint64_t seed);

  // Takes up to `count` temperatures; returns how many are left.
  int64_t advance(int64_t count);
  // log-weights (n_chains), in nats: forwards of Z / Z_base, backwards of Z_base / Z.
  const std::vector<double>& log_weights() const { return log_weights_; }
  double log_partition_base() const;

 private:
  void draw_base(int64_t n_chains);
  void weigh(const Tensor& received, double from, double to);
  void transition(const Tensor& received, double to, double share);
  void step();

  Context ctx_;
  UnitRbm rbm_;  // a copy
  Tensor base_, difference_;
  std::vector<double> betas_;
  bool backwards_;
  int64_t done_ = 0;
  double scale_;
  Tensor v_;
  std::vector<double> log_weights_;
};

}  // namespace gibbslab
