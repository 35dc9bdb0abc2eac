// The unit types of generalised RBMs, each an exponential family in its natural parameter eta:
//
//   p(x) = m(x) exp(eta x) / exp(A(eta)),  A the log-normaliser, m the base measure
//
//   Bernoulli    x in {0, 1}
//   spin         x in {-1, 1}
//   categorical  one of K columns is 1 (Potts; softmax); A is one number for the K columns
//   binomial     x in {0 ... n}, m(x) = C(n, x): n Bernoulli copies with shared weights
//   Gaussian     x real, m(x) = exp(-stiffness x^2 / (2 variance))
//   rectified    x in {0, 1, 2, ...}: infinitely many Bernoulli copies whose inputs are shifted by
//                -1/2, -3/2, ... (Nair and Hinton 2010), m(x) = q^(x^2/2) / prod_k<=x (1 - q^k),
//                q = 1/e (Euler); drawn exactly, or as max(0, eta + N(0, sigmoid(eta)))
//
// All in float64 but for Bernoulli and spin probabilities, which decide against 24-bit uniforms.
#pragma once

#include "csrc/core/draws.h"
#include "csrc/core/faults.h"
#include "csrc/core/formulas.h"
#include "csrc/core/unit_type.h"

namespace gibbslab {

// Where a unit's random words lie.
struct UnitAddress {
  Draw draw;
  int64_t row = 0, col = 0, cols = 1;
};

GIBBSLAB_HD uint64_t element_of(const UnitAddress& at) {
  return static_cast<uint64_t>(at.draw.first_row + at.row) * static_cast<uint64_t>(at.cols) +
         static_cast<uint64_t>(at.col);
}

// The uniform of the Bernoulli RBM's own draw of this element.
GIBBSLAB_HD float narrow_uniform(const UnitAddress& at) {
  const uint64_t row = static_cast<uint64_t>(at.draw.first_row + at.row);
  const uint64_t counter = row * counters_per_row(at.cols) + static_cast<uint64_t>(at.col / 4);
  return uniform_from_word(philox(counter, at.draw.stream, at.draw.seed).w[at.col % 4]);
}

// x / (p q), rounded once.
GIBBSLAB_HD float quotient(float x, float p, float q) {
  return static_cast<float>(x / (static_cast<double>(p) * q));
}

// log(1 + exp(x)).
GIBBSLAB_HD double softplus(double x) { return fmax(x, 0.0) + log1p(exp(-fabs(x))); }

GIBBSLAB_HD double logistic(double x) {
  const double e = exp(-fabs(x));
  return (x > 0.0 ? 1.0 : e) / (1.0 + e);
}

// Copies of a rectified unit beyond 40 on either side of eta are surely on or off.
constexpr double kSureInput = 40.0;

// The copies that are surely on.
GIBBSLAB_HD double sure_copies(double eta) {
  return eta > kSureInput ? floor(eta - kSureInput) : 0.0;
}

GIBBSLAB_HD double rectified_log_normaliser(double eta) {
  const double sure = sure_copies(eta);
  double sum = sure * eta - 0.5 * sure * sure;
  for (double x = eta - sure - 0.5; x > -kSureInput; x -= 1.0) sum += softplus(x);
  return sum;
}

GIBBSLAB_HD double rectified_mean(double eta, bool noisy) {
  if (noisy) {  // the mean of a normal deviate cut off at zero
    const double deviation = sqrt(logistic(eta));
    if (deviation == 0.0) return 0.0;
    const double z = eta / deviation;
    return 0.5 * eta * erfc(-z * 0.70710678118654752440) +
           deviation * 0.39894228040143267794 * exp(-0.5 * z * z);
  }
  double sum = sure_copies(eta);
  for (double x = eta - sum - 0.5; x > -kSureInput; x -= 1.0) sum += logistic(x);
  return sum;
}

// The number of copies that are on, by inversion: it spreads by about 1 around eta.
GIBBSLAB_HD double rectified_sample(double eta, double uniform) {
  const double reach = 12.0, first = eta > reach ? floor(eta - reach) : 0.0;
  double total = 0.0, weight = 1.0;
  for (double n = first; n < first + 2.0 * reach + 16.0; n += 1.0) {
    total += weight;
    weight *= exp(eta - n - 0.5) / -expm1(-n - 1.0);
  }
  double left = uniform * total, n = first;
  weight = 1.0;
  for (; left >= weight && n < first + 2.0 * reach + 15.0; n += 1.0) {
    left -= weight;
    weight *= exp(eta - n - 0.5) / -expm1(-n - 1.0);
  }
  return n;
}

GIBBSLAB_HD double rectified_log_base(double x) {
  double sum = -0.5 * x * x;
  for (double k = 1.0; k < kSureInput; k += 1.0) sum -= log1p(-exp(-k)) - log1p(-exp(-k - x));
  return sum;
}

// The rarer of success and failure is counted, so that the first probability is at least 2^-n.
GIBBSLAB_HD double binomial_sample(double eta, int64_t trials, double uniform) {
  const int64_t n = fault("binomial_one_trial_short") ? trials - 1 : trials;
  const double odds = exp(-fabs(eta));
  double probability = exp(-static_cast<double>(n) * log1p(odds)), left = uniform;
  int64_t rare = 0;
  for (; left >= probability && rare < n; ++rare) {
    left -= probability;
    probability *= odds * static_cast<double>(n - rare) / static_cast<double>(rare + 1);
  }
  return static_cast<double>(eta > 0.0 ? n - rare : rare);
}

// log C(n, x), x whole.
GIBBSLAB_HD double log_binomial(int64_t n, int64_t x) {
  const int64_t few = x < n - x ? x : n - x;
  double sum = 0.0;
  for (int64_t i = 1; i <= few; ++i)
    sum += log(static_cast<double>(n - few + i) / static_cast<double>(i));
  return sum;
}

GIBBSLAB_HD float spin_probability(double eta) {
  const double doubled = fault("spin_input_not_doubled") ? eta : 2.0 * eta;
  return sigmoid<float>(static_cast<float>(doubled));
}

// What follows is of every type but the categorical. `variance` is the Gaussian's.

GIBBSLAB_HD double unit_mean(const UnitType& type, double eta, double variance) {
  switch (type.kind) {
    case UnitKind::kSpin:
      return tanh(eta);
    case UnitKind::kBinomial:
      return static_cast<double>(type.count) * logistic(eta);
    case UnitKind::kGaussian:
      return eta * variance / type.stiffness;
    case UnitKind::kRectified:
      return rectified_mean(eta, type.noisy);
    default:
      return sigmoid<float>(static_cast<float>(eta));
  }
}

GIBBSLAB_HD double unit_sample(const UnitType& type, double eta, double variance,
                               const UnitAddress& at) {
  switch (type.kind) {
    case UnitKind::kSpin:
      return narrow_uniform(at) < spin_probability(eta) ? 1.0 : -1.0;
    case UnitKind::kBinomial:
      return binomial_sample(eta, type.count, wide_uniform(element_of(at), at.draw));
    case UnitKind::kGaussian: {
      const double spread = variance / type.stiffness;
      const double deviation = fault("gaussian_variance_for_deviation") ? spread : sqrt(spread);
      return eta * spread + deviation * standard_normal(element_of(at), at.draw);
    }
    case UnitKind::kRectified:
      if (!type.noisy) return rectified_sample(eta, wide_uniform(element_of(at), at.draw));
      return fmax(0.0, eta + sqrt(logistic(eta)) * standard_normal(element_of(at), at.draw));
    default:
      return narrow_uniform(at) < sigmoid<float>(static_cast<float>(eta)) ? 1.0 : 0.0;
  }
}

GIBBSLAB_HD double unit_log_normaliser(const UnitType& type, double eta, double variance) {
  switch (type.kind) {
    case UnitKind::kSpin:
      return fabs(eta) + log1p(exp(-2.0 * fabs(eta)));
    case UnitKind::kBinomial:
      return static_cast<double>(type.count) * softplus(eta);
    case UnitKind::kGaussian: {
      const double spread = variance / type.stiffness;
      return 0.5 * eta * eta * spread + 0.5 * log(6.283185307179586476925287 * spread);
    }
    case UnitKind::kRectified:
      return rectified_log_normaliser(eta);
    default:
      return softplus(eta);
  }
}

// log m(x).
GIBBSLAB_HD double unit_log_base(const UnitType& type, double x, double variance) {
  switch (type.kind) {
    case UnitKind::kBinomial:
      return log_binomial(type.count, static_cast<int64_t>(floor(x + 0.5)));
    case UnitKind::kGaussian:
      return -0.5 * type.stiffness * x * x / variance;
    case UnitKind::kRectified:
      return rectified_log_base(x);
    default:
      return 0.0;
  }
}

// The categorical unit; eta(k), k < states.

template <class Eta>
GIBBSLAB_HD double largest_input(const Eta& eta, int64_t states) {
  double top = eta(0);
  for (int64_t k = 1; k < states; ++k) top = fmax(top, eta(k));
  return top;
}

template <class Eta>
GIBBSLAB_HD double exponential_sum(const Eta& eta, int64_t states, double top) {
  double sum = 0.0;
  for (int64_t k = 0; k < states; ++k) sum += exp(eta(k) - top);
  return sum;
}

template <class Eta>
GIBBSLAB_HD double categorical_log_normaliser(const Eta& eta, int64_t states) {
  const double top = largest_input(eta, states);
  return top + log(exponential_sum(eta, states, top));
}

// The state drawn by inversion; one that is impossible is never taken.
template <class Eta>
GIBBSLAB_HD int64_t categorical_sample(const Eta& eta, int64_t states, double uniform) {
  const double top = largest_input(eta, states);
  double left = uniform * exponential_sum(eta, states, top);
  int64_t chosen = 0;
  for (int64_t k = 0; k < states; ++k) {
    const double weight = exp(eta(k) - top);
    if (weight > 0.0) chosen = k;
    if (left < weight) break;
    left -= weight;
  }
  return chosen;
}

}  // namespace gibbslab
