// Functions of one variable, each written once, with the derivative of those that serve as
// activations as a function of their value. F is float, or a vector of floats (see formulas.h).
#pragma once

#include <cmath>

#include "csrc/core/formulas.h"
#include "csrc/core/neural.h"

namespace gibbslab {

// log(1 + e) for 0 <= e <= 1: twice the series of artanh at e / (2 + e), at most 1/3.
template <class F>
GIBBSLAB_HD F log1p_unit(F e) {
  using L = Lane<F>;
  const F s = e / (e + 2.0f), z = s * s;
  F p = L::multiply_add(z, F{} + 1.3333334e-1f, F{} + 1.5384615e-1f);
  p = L::multiply_add(p, z, F{} + 1.8181819e-1f);
  p = L::multiply_add(p, z, F{} + 2.2222222e-1f);
  p = L::multiply_add(p, z, F{} + 2.8571430e-1f);
  p = L::multiply_add(p, z, F{} + 4.0000001e-1f);
  p = L::multiply_add(p, z, F{} + 6.6666669e-1f);
  return L::multiply_add(p * z, s, s + s);
}

// Near 0 a minimax polynomial (Moshier's Cephes, tanhf), else by the exponential.
template <class F>
GIBBSLAB_HD F tanh_of(F x) {
  using L = Lane<F>;
  const F below = L::negative_magnitude(x), e = exp_nonpositive<F>(below + below);
  const F magnitude = (F{} + 1.0f - e) / (e + 1.0f), z = x * x;
  F p = L::multiply_add(z, F{} - 5.70498872745e-3f, F{} + 2.06390887954e-2f);
  p = L::multiply_add(p, z, F{} - 5.37397155531e-2f);
  p = L::multiply_add(p, z, F{} + 1.33314422036e-1f);
  p = L::multiply_add(p, z, F{} - 3.33332819422e-1f);
  const F near = L::multiply_add(p * z, x, x);
  return L::select(below > -0.625f, near, L::select(x > 0.0f, magnitude, F{} - magnitude));
}

// exp(x) - 1 for x <= 0, to float32's relative accuracy.
template <class F>
GIBBSLAB_HD F expm1_nonpositive(F x) {
  const F t = tanh_of<F>(x * 0.5f);
  return (t + t) / (F{} + 1.0f - t);
}

template <class F>
GIBBSLAB_HD F exp_of(F x) {
  const F e = exp_nonpositive<F>(Lane<F>::negative_magnitude(x));
  return Lane<F>::select(x > 0.0f, (F{} + 1.0f) / e, e);
}

// log(1 + exp(x)).
template <class F>
GIBBSLAB_HD F softplus_of(F x) {
  const F e = exp_nonpositive<F>(Lane<F>::negative_magnitude(x));
  return Lane<F>::larger(F{}, x) + log1p_unit<F>(e);
}

// Below 0, alpha exp(x); else `above`.
template <class F>
GIBBSLAB_HD F exp_below(F x, float alpha, float above) {
  const F e = exp_nonpositive<F>(Lane<F>::negative_magnitude(x));
  return Lane<F>::select(x > 0.0f, F{} + above, e * alpha);
}

// value(x, alpha) is the function, slope(y, alpha) its derivative where its value is y.
struct IdentityFunction {
  template <class F>
  GIBBSLAB_HD_MEMBER F value(F x, float) {
    return x;
  }
  template <class F>
  GIBBSLAB_HD_MEMBER F slope(F, float) {
    return F{} + 1.0f;
  }
};

struct ExpFunction {
  template <class F>
  GIBBSLAB_HD_MEMBER F value(F x, float) {
    return exp_of<F>(x);
  }
};

struct LogFunction {
  template <class F>
  GIBBSLAB_HD_MEMBER F value(F x, float) {
    return Lane<F>::log(x);
  }
};

struct SquareRootFunction {
  template <class F>
  GIBBSLAB_HD_MEMBER F value(F x, float) {
    return Lane<F>::square_root(x);
  }
};

struct SoftplusFunction {
  template <class F>
  GIBBSLAB_HD_MEMBER F value(F x, float) {
    return softplus_of<F>(x);
  }
  // sigmoid(x) = 1 - exp(-y)
  template <class F>
  GIBBSLAB_HD_MEMBER F slope(F y, float) {
    return F{} - expm1_nonpositive<F>(F{} - y);
  }
};

struct SigmoidFunction {
  template <class F>
  GIBBSLAB_HD_MEMBER F value(F x, float) {
    return sigmoid<F>(x);
  }
  template <class F>
  GIBBSLAB_HD_MEMBER F slope(F y, float) {
    return y * (F{} + 1.0f - y);
  }
};

struct TanhFunction {
  template <class F>
  GIBBSLAB_HD_MEMBER F value(F x, float) {
    return tanh_of<F>(x);
  }
  template <class F>
  GIBBSLAB_HD_MEMBER F slope(F y, float) {
    return F{} + 1.0f - y * y;
  }
};

struct StepFunction {
  template <class F>
  GIBBSLAB_HD_MEMBER F value(F x, float alpha) {
    return Lane<F>::select(x > 0.0f, F{} + 1.0f, F{} + alpha);
  }
};

struct LeakyReluFunction {
  template <class F>
  GIBBSLAB_HD_MEMBER F value(F x, float alpha) {
    return Lane<F>::select(x > 0.0f, x, x * alpha);
  }
  template <class F>
  GIBBSLAB_HD_MEMBER F slope(F y, float alpha) {
    return StepFunction::value<F>(y, alpha);
  }
};

struct EluFunction {
  template <class F>
  GIBBSLAB_HD_MEMBER F value(F x, float alpha) {
    const F below = expm1_nonpositive<F>(Lane<F>::negative_magnitude(x)) * alpha;
    return Lane<F>::select(x > 0.0f, x, below);
  }
  template <class F>
  GIBBSLAB_HD_MEMBER F slope(F y, float alpha) {
    return Lane<F>::select(y > 0.0f, F{} + 1.0f, y + alpha);
  }
};

struct EluSlopeFunction {
  template <class F>
  GIBBSLAB_HD_MEMBER F value(F x, float alpha) {
    return exp_below<F>(x, alpha, 1.0f);
  }
};

struct EluCurveFunction {
  template <class F>
  GIBBSLAB_HD_MEMBER F value(F x, float alpha) {
    return exp_below<F>(x, alpha, 0.0f);
  }
};

// visit(T{}), T being the structure above that serves as activation.
template <class Visit>
void visit_activation(FunctionKind kind, const Visit& visit) {
  switch (kind) {
    case FunctionKind::kSoftplus:
      return visit(SoftplusFunction{});
    case FunctionKind::kSigmoid:
      return visit(SigmoidFunction{});
    case FunctionKind::kTanh:
      return visit(TanhFunction{});
    case FunctionKind::kLeakyRelu:
      return visit(LeakyReluFunction{});
    case FunctionKind::kElu:
      return visit(EluFunction{});
    default:
      return visit(IdentityFunction{});
  }
}

// The value at x of a function that serves as activation; chosen anew at every call.
GIBBSLAB_HD float activation_value(const Function& f, float x) {
  switch (f.kind) {
    case FunctionKind::kSoftplus:
      return SoftplusFunction::value<float>(x, f.alpha);
    case FunctionKind::kSigmoid:
      return SigmoidFunction::value<float>(x, f.alpha);
    case FunctionKind::kTanh:
      return TanhFunction::value<float>(x, f.alpha);
    case FunctionKind::kLeakyRelu:
      return LeakyReluFunction::value<float>(x, f.alpha);
    case FunctionKind::kElu:
      return EluFunction::value<float>(x, f.alpha);
    default:
      return x;
  }
}

// The same with every function.
template <class Visit>
void visit_function(FunctionKind kind, const Visit& visit) {
  switch (kind) {
    case FunctionKind::kExp:
      return visit(ExpFunction{});
    case FunctionKind::kLog:
      return visit(LogFunction{});
    case FunctionKind::kSquareRoot:
      return visit(SquareRootFunction{});
    case FunctionKind::kStep:
      return visit(StepFunction{});
    case FunctionKind::kEluSlope:
      return visit(EluSlopeFunction{});
    case FunctionKind::kEluCurve:
      return visit(EluCurveFunction{});
    default:
      return visit_activation(kind, visit);
  }
}

}  // namespace gibbslab
