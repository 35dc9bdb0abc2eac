// Parallel tempering of an RBM (Desjardins et al. 2010): C chains, each of T replicas at inverse
// temperatures beta_0 <= ... <= beta_{T-1} = 1. A sweep h -> v -> h of every replica at its own
// temperature, then exchanges of neighbours t, t + 1 by the Metropolis rule,
//
//   p(exchange) = min(1, exp((beta_{t+1} - beta_t) (E_{t+1} - E_t))),  E = E(v, h) at beta = 1,
//
// of even t after even sweeps, of odd t after odd ones, which moves replicas along the ladder
// faster than random pairs do (Syed et al. 2022). Each step leaves prod_t p_{beta_t} invariant.
#pragma once

#include <vector>

#include "csrc/models/ladder.h"
#include "csrc/models/rbm.h"

namespace gibbslab {

// A value: a copy is a snapshot of the whole state.
class Tempering {
 public:
  // Hidden units start at 0. Replica (t, c) is row t C + c at first; rows keep their states, and
  // exchanges move temperatures between rows.
  Tempering(const Rbm& rbm, std::vector<double> betas, int64_t n_chains);

  int64_t n_chains() const { return n_chains_; }
  Ladder& ladder() { return ladder_; }
  const Ladder& ladder() const { return ladder_; }

  // Hidden units become fair coins.
  void scatter(Rbm& rbm);
  // One sweep and one round of exchanges, drawn from the model's stream.
  void sweep(Rbm& rbm);
  // States (C, V) or (C, H) at level t of the ladder; visible ones are there after a sweep.
  BitTensor visible_at(const Context& ctx, int64_t t) const;
  BitTensor hidden_at(const Context& ctx, int64_t t) const;

  int64_t sweeps() const { return sweeps_; }
  // Ways from beta = 1 to the hottest level and back, of all replicas, since forget().
  int64_t round_trips() const;
  void forget();

  // What a resumed run needs: hidden states (T C, H) by rows, and on the host, in float32,
  //   ladder (3, T): temperatures, summed probabilities and numbers of proposed exchanges of each
  //   pair, the sweeps modulo a million in the last place;
  //   replicas (3, T C): each row's level, the end of the ladder that it has seen last (0 none, 1
  //   cold, 2 hot after cold) and its round trips.
  // restore() throws ShapeError, changing nothing, where these are no such state.
  BitTensor& hidden() { return hidden_; }
  Tensor ladder_state() const;
  Tensor replica_state() const;
  void restore(const Tensor& ladder, const Tensor& replicas);

 private:
  void set_level(std::vector<int64_t> level);
  int64_t rows() const { return ladder_.size() * n_chains_; }
  size_t place(int64_t t, int64_t c) const { return static_cast<size_t>(t * n_chains_ + c); }
  Tensor scales(const Context& ctx) const;
  std::vector<double> energies(const Context& ctx, const Rbm& rbm, const Tensor& input) const;
  void exchange(Context& ctx, const std::vector<double>& energy);
  void swap_levels(int64_t t, int64_t c);
  void note_ends();
  BitTensor at_level(const Context& ctx, const BitTensor& states, int64_t t) const;

  static constexpr int64_t kUnseen = 0, kCold = 1, kHotAfterCold = 2;

  Ladder ladder_;
  int64_t n_chains_, sweeps_ = 0;
  BitTensor visible_, hidden_;
  std::vector<int64_t> level_;   // of each row
  std::vector<int64_t> row_at_;  // of each place (t, c): the inverse
  std::vector<int64_t> last_end_, trips_;
};

}  // namespace gibbslab
