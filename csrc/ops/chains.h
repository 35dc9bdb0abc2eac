// Loops over many Gibbs chains, a whole stretch of them in one call.
//
// A backend offers them or not. Each has its plain twin, the loop over half-steps in csrc/models,
// which runs where it is not offered and which it is tested against.
#pragma once

#include "csrc/core/context.h"
#include "csrc/core/tensor.h"
#include "csrc/ops/linalg.h"

namespace gibbslab {

// What a stretch would run: B chains of an RBM (V, H), so many sweeps.
struct ChainSizes {
  int64_t chains = 0, visible = 0, hidden = 0, steps = 0;
};

// W (V, H), a (1, V), b (1, H).
struct ChainModel {
  const Weights* weights = nullptr;
  const Tensor* visible_bias = nullptr;
  const Tensor* hidden_bias = nullptr;
};

// One temperature of annealed importance sampling: log w += log p*_to(v) - log p*_from(v); then,
// where it moves, a sweep v -> h -> v at inverse temperature `to` with the visible bias
// share a + (1 - share) a0.
struct Temperature {
  double from = 0.0, to = 0.0, share = 0.0;
  uint64_t hidden_stream = 0, visible_stream = 0;
  bool moves = false;
};

struct Anneal {
  ChainModel model;
  const Tensor* base_bias = nullptr;        // a0 (1, V)
  const Tensor* bias_difference = nullptr;  // a - a0 (1, V)
  const Temperature* path = nullptr;        // (count), on the host
  int64_t count = 0;
  uint64_t seed = 0;
  BitTensor* v = nullptr;         // (B, V), moved
  double* log_weights = nullptr;  // (B), on the host, added to
};

struct SweepStreams {
  uint64_t hidden = 0, visible = 0;
};

// Sweeps v -> h -> v, or h -> v -> h from hidden, at one inverse temperature. Visible units in the
// mask are put back to known states after each visible sample; the means are of the last sweep.
struct ChainSweeps {
  ChainModel model;  // biases times beta
  float beta = 1.0f;
  bool from_hidden = false;
  const BitTensor* start = nullptr;       // (B, V), or (B, H) from hidden
  const BitTensor* mask = nullptr;        // (B, V), (1, V) for all chains, or null
  const BitTensor* known = nullptr;       // (B, V) where there is a mask
  const SweepStreams* streams = nullptr;  // (count), on the host
  int64_t count = 0;
  uint64_t seed = 0;
  Tensor* hidden_mean = nullptr;  // (B, H), or null
  Tensor* visible_mean = nullptr;
  BitTensor* hidden = nullptr;  // (B, H); null from hidden: the last hidden states are not drawn
  BitTensor* visible = nullptr;
};

// What a backend without such loops says.
struct ChainOps {
  virtual ~ChainOps() = default;
  virtual bool offers(const Context&, const ChainSizes&) { return false; }
  virtual void anneal(const Context& ctx, const Anneal& job);
  virtual void sweep(const Context& ctx, const ChainSweeps& job);
};

namespace ops {

// Whether the two below may be called for these sizes.
bool offers_chains(const Context& ctx, const ChainSizes& sizes);
// Both return when the results are there.
void anneal(const Context& ctx, const Anneal& job);
void sweep_chains(const Context& ctx, const ChainSweeps& job);

}  // namespace ops
}  // namespace gibbslab
