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
// iteration; where there is one, even layers l are extrapolated between iterations.
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

// Anderson's extrapolation (1965) of a fixed-point iteration x <- G(x), from two of its steps, row
// by row; a row's x are those of all the layers, side by side. With f = G(x) - x, and G' and f'
// those of the step before,
//   x <- G - t (G - G') within [0, 1],  t = <f, f - f'> / |f - f'|^2;
// x <- G where |f| has grown, where there was no step before, and where f is but rounding.
struct ExtrapolatedLayer {
  Tensor* x;       // (B, N_l) G on entry, where the next step starts on return
  Tensor* start;   // (B, N_l) where the step started; follows x
  Tensor* last;    // (B, N_l) G', then G
  Tensor* change;  // (B, N_l) f', then f; zeros before the first step
};
using Extrapolation = std::vector<ExtrapolatedLayer>;

struct MeanFieldOps {
  virtual ~MeanFieldOps() = default;
  virtual bool offered() const { return false; }
  // The iterations of the slowest row.
  virtual int64_t infer(const Context&, const MeanFieldJob&) { return 0; }
  virtual void extrapolate(const Context& ctx, const Extrapolation& job) = 0;
};

namespace ops {

// Whether mean_field may be called.
bool offers_mean_field(const Context& ctx);
int64_t mean_field(const Context& ctx, const MeanFieldJob& job);
void extrapolate(const Context& ctx, const Extrapolation& job);

}  // namespace ops
}  // namespace gibbslab
