// The steps of the optimisers for one parameter, each written once (see formulas.h).
//
//   SGD      v' = momentum v + g;  w' = w - rate v'  (Nesterov: w' = w - rate (g + momentum v'))
//   RMSprop  s' = decay s + (1 - decay) g^2;  w' = w - rate g / (sqrt(s') + epsilon)
//   Adam     m' = momentum m + (1 - momentum) g;  s' as RMSprop's;
//            w' = w - rate m' / (1 - momentum^t) / (sqrt(s' / (1 - decay^t)) + epsilon)
//            (Kingma and Ba 2015)
//   AdamW    Adam's, from (1 - rate weight_decay) w (Loshchilov and Hutter 2019)
//
// SGD, RMSprop and Adam add weight_decay w to the gradient g.
#pragma once

#include "csrc/core/faults.h"
#include "csrc/core/formulas.h"
#include "csrc/core/neural.h"

namespace gibbslab {

// A weight with its two moving averages, of which a rule may need none, one or both.
template <class F>
struct DescentState {
  F weight, first, second;
};

struct SgdStep {
  template <class F>
  GIBBSLAB_HD_MEMBER DescentState<F> of(const DescentFactors& k, DescentState<F> x, F g) {
    g += x.weight * k.weight_decay;
    const F v = x.first * k.momentum + g;
    return {x.weight - v * k.rate, v, x.second};
  }
};

struct NesterovStep {
  template <class F>
  GIBBSLAB_HD_MEMBER DescentState<F> of(const DescentFactors& k, DescentState<F> x, F g) {
    g += x.weight * k.weight_decay;
    const F v = x.first * k.momentum + g;
    return {x.weight - (g + v * k.momentum) * k.rate, v, x.second};
  }
};

struct RmspropStep {
  template <class F>
  GIBBSLAB_HD_MEMBER DescentState<F> of(const DescentFactors& k, DescentState<F> x, F g) {
    g += x.weight * k.weight_decay;
    const F s = x.second * k.decay + g * g * (1.0f - k.decay);
    return {x.weight - Lane<F>::quotient(g * k.rate, Lane<F>::root(s) + k.epsilon), x.first, s};
  }
};

struct AdamStep {
  template <class F>
  GIBBSLAB_HD_MEMBER DescentState<F> of(const DescentFactors& k, DescentState<F> x, F g) {
    g += x.weight * k.weight_decay;
    return moved(k, x.weight, x, g);
  }
  template <class F>
  GIBBSLAB_HD_MEMBER DescentState<F> moved(const DescentFactors& k, F from, DescentState<F> x,
                                           F g) {
    const F m = x.first * k.momentum + g * (1.0f - k.momentum);
    const F s = x.second * k.decay + g * g * (1.0f - k.decay);
    const F below = Lane<F>::root(s) * k.second_scale + k.epsilon;
    const float rate = fault("adam_without_bias_correction") ? k.rate : k.first_scale;
    return {from - Lane<F>::quotient(m * rate, below), m, s};
  }
};

struct AdamWStep {
  template <class F>
  GIBBSLAB_HD_MEMBER DescentState<F> of(const DescentFactors& k, DescentState<F> x, F g) {
    return AdamStep::moved<F>(k, x.weight - x.weight * (k.rate * k.weight_decay), x, g);
  }
};

// visit(T{}), T being the structure above.
template <class Visit>
void visit_rule(DescentRule rule, const Visit& visit) {
  switch (rule) {
    case DescentRule::kSgd:
      return visit(SgdStep{});
    case DescentRule::kNesterov:
      return visit(NesterovStep{});
    case DescentRule::kRmsprop:
      return visit(RmspropStep{});
    case DescentRule::kAdam:
      return visit(AdamStep{});
    case DescentRule::kAdamW:
      return visit(AdamWStep{});
  }
}

}  // namespace gibbslab
