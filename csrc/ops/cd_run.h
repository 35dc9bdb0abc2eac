// Training by contrastive divergence, many batches in one call.
//
// A backend offers it or not. Its plain twin is the loop over batches in csrc/models/rbm_trainer,
// which runs where it is not offered and which it is tested against.
#pragma once

#include <string>

#include "csrc/core/context.h"
#include "csrc/core/tensor.h"

namespace gibbslab {

// What a run would train: an RBM (V, H) on batches of B rows by CD-k, or by PCD-k with C chains.
struct CdRunSizes {
  int64_t visible = 0, hidden = 0, batch = 0;
  int64_t chains = 0;  // C; 0: no persistent chains
  int64_t k = 1;
  bool operator==(const CdRunSizes&) const = default;
};

// All that a batch changes, each with storage of its own.
struct CdState {
  Tensor weights, visible_bias, hidden_bias;                             // (V, H), (1, V), (1, H)
  Tensor velocity_weights, velocity_visible_bias, velocity_hidden_bias;  // or empty, all three
  BitTensor chains;                                                      // (C, H), or empty
};

// Batch i trains on the rows data[order[i B ... i B + B - 1]], the last on those that are left:
//   h0 ~ p(h | v0); k times v1 ~ p(v | h), h1 ~ p(h | v1), from h0 or from the chains;
//   then the update of csrc/ops/optim.h with the gradient v0^T h0 / B - v1^T h1 / C.
struct CdRun {
  const BitTensor* data = nullptr;  // (N, V)
  const int64_t* order = nullptr;   // (rows), where the context computes
  int64_t rows = 0, batch = 1;      // B
  CdState* state = nullptr;         // before, and after
  CdState* spare = nullptr;         // of the same shapes, overwritten
  int64_t k = 1;
  bool hidden_samples = false;  // 0/1 hidden states, not probabilities, in the gradient
  float learning_rate = 0.0f;
  float momentum = 0.0f, l1 = 0.0f, l2 = 0.0f;  // momentum needs velocities; penalties of W alone
  uint64_t seed = 0, first_draw = 0;
};

// How far it came: `state` is that after so many batches, which made so many draws.
struct CdRunResult {
  int64_t batches = 0, draws = 0;
  std::string diverged;  // "W", "v_bias" or "h_bias" that the next batch would make non-finite
};

// What a backend without such runs says.
struct CdRunOps {
  virtual ~CdRunOps() = default;
  virtual bool offers(const Context&, const CdRunSizes&) { return false; }
  virtual CdRunResult run(const Context& ctx, const CdRun& job);
};

namespace ops {

// Whether cd_run may be called for these sizes.
bool offers_cd_run(const Context& ctx, const CdRunSizes& sizes);
// Returns when the state is there; the handles in `state` and `spare` may have changed places.
CdRunResult cd_run(const Context& ctx, const CdRun& job);

}  // namespace ops
}  // namespace gibbslab
