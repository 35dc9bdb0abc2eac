// The exact moments of an RBM's distribution, by enumerating its smaller layer.
#pragma once

#include "csrc/models/rbm.h"

namespace gibbslab {

// Expectations under p(v, h) at beta = 1, where the model computes.
struct Moments {
  Tensor products;  // of v h^T, (V, H)
  Tensor visible;   // of v, (1, V)
  Tensor hidden;    // of h, (1, H)
};

// Float32 products of 1024 states at a time, summed in float64. The smaller layer has at most
// ops::kMaxEnumerated units.
Moments exact_moments(const Rbm& rbm);

}  // namespace gibbslab
