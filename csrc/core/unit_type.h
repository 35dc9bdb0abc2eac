// Which type the units of a layer are; their formulas are in unit_formulas.h.
#pragma once

#include <cstdint>

namespace gibbslab {

enum class UnitKind : int { kBernoulli, kSpin, kCategorical, kBinomial, kGaussian, kRectified };

// One layer's type, as formulas need it.
struct UnitType {
  UnitKind kind = UnitKind::kBernoulli;
  int64_t count = 1;       // states of a categorical unit, trials of a binomial one
  bool noisy = false;      // rectified units drawn as max(0, eta + N(0, sigmoid(eta)))
  double stiffness = 1.0;  // of the Gaussian's quadratic term: the inverse temperature
};

constexpr int64_t kMostTrials = 1000;  // 2^-1000 is still a double

}  // namespace gibbslab
