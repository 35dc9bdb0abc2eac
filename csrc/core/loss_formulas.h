// Losses of one element with their derivatives, each written once (see formulas.h).
//
//   squared error        (a - t)^2
//   Bernoulli            -t log a - (1 - t) log(1 - a), logarithms at least -100
//   Bernoulli of logits  log(1 + exp(a)) - t a
//   Gaussian             (log 2 pi + b + (t - a)^2 exp(-b)) / 2, b the log-variance
//   KL                   (a^2 + exp(b) - 1 - b) / 2, of N(a, exp(b)) from N(0, 1)
#pragma once

#include "csrc/core/faults.h"
#include "csrc/core/functions.h"

namespace gibbslab {

// A value and its derivatives by a and b.
template <class F>
struct LossTerm {
  F value, by_a, by_b;
};

struct SquaredErrorLoss {
  template <class F>
  GIBBSLAB_HD_MEMBER LossTerm<F> of(F a, F, F t) {
    const F d = a - t;
    return {d * d, d + d, F{}};
  }
};

struct BernoulliLoss {
  template <class F>
  GIBBSLAB_HD_MEMBER LossTerm<F> of(F a, F, F t) {
    using L = Lane<F>;
    const F rest = F{} + 1.0f - a, least = F{} - 100.0f;
    const F value =
        t * L::larger(least, L::log(a)) + (F{} + 1.0f - t) * L::larger(least, L::log(rest));
    return {F{} - value, (a - t) / L::larger(F{} + 1e-12f, a * rest), F{}};
  }
};

struct BernoulliLogitsLoss {
  template <class F>
  GIBBSLAB_HD_MEMBER LossTerm<F> of(F a, F, F t) {
    const F e = exp_nonpositive<F>(Lane<F>::negative_magnitude(a));
    const F p = Lane<F>::select(a > 0.0f, F{} + 1.0f, e) / (e + 1.0f);
    return {Lane<F>::larger(F{}, a) + log1p_unit<F>(e) - t * a, p - t, F{}};
  }
};

struct GaussianLoss {
  template <class F>
  GIBBSLAB_HD_MEMBER LossTerm<F> of(F a, F b, F t) {
    const F precision = exp_of<F>(F{} - b), d = a - t, square = d * d * precision;
    return {(b + square + 1.8378770664093453f) * 0.5f, d * precision, (F{} + 1.0f - square) * 0.5f};
  }
};

struct KlLoss {
  template <class F>
  GIBBSLAB_HD_MEMBER LossTerm<F> of(F a, F b, F) {
    const F variance = exp_of<F>(b);
    const F half = F{} + (fault("kl_without_half") ? 1.0f : 0.5f);
    return {(a * a + variance - b - 1.0f) * half, (a + a) * half, (variance - 1.0f) * half};
  }
};

// visit(T{}), T being the structure above.
template <class Visit>
void visit_loss(LossKind kind, const Visit& visit) {
  switch (kind) {
    case LossKind::kSquaredError:
      return visit(SquaredErrorLoss{});
    case LossKind::kBernoulli:
      return visit(BernoulliLoss{});
    case LossKind::kBernoulliLogits:
      return visit(BernoulliLogitsLoss{});
    case LossKind::kGaussian:
      return visit(GaussianLoss{});
    case LossKind::kKl:
      return visit(KlLoss{});
  }
}

}  // namespace gibbslab
