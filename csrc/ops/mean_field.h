// The mean field of a deep Boltzmann machine's hidden layers, all its iterations in one call.
//
// A backend offers it or not. Its plain twin, the loop over half-steps in csrc/models, runs where
// it is not offered; both are tested against the same reference.
#pragma once

#include <vector>

#include "csrc/core/context.h"
#include "csrc/core/tensor.h"
#include "csrc/ops/linalg.h"

namespace gibbslab {

// Hidden layers l = 1 ... L, L >= 2: mu_l = sigmoid(beta (mu_{l-1} W_{l-1} + mu_{l+1} W_l^T +
// b_l)), odd layers and even ones in turn, from a pass from the bottom up with the inputs of all
// layers but the top one doubled. A row is done when none of its means moved by `tolerance` in an
// iteration.
struct MeanFieldJob {
  const Tensor* from_data = nullptr;    // (B, N_1), beta (v W_0 + b_1)
  std::vector<const Weights*> weights;  // (L - 1) of shape (N_l, N_{l+1})
  std::vector<const Tensor*> biases;    // (L) of shape (1, N_l), times beta
  float beta = 1.0f;
  int64_t max_iterations = 1;
  double tolerance = 0.0;
  std::vector<Tensor>* means = nullptr;  // (L) of shape (B, N_l), padded: the result
  double* changes = nullptr;             // (B) of the largest change in a row's last iteration
};

struct MeanFieldOps {
  virtual ~MeanFieldOps() = default;
  virtual bool offered() const { return false; }
  // The iterations of the slowest row.
  virtual int64_t infer(const Context&, const MeanFieldJob&) { return 0; }
};

namespace ops {

// Whether mean_field may be called.
bool offers_mean_field(const Context& ctx);
int64_t mean_field(const Context& ctx, const MeanFieldJob& job);

}  // namespace ops
}  // namespace gibbslab
