// The functions, losses and optimisers of networks, by name; functions.h, loss_formulas.h and
// descent_formulas.h say what they compute.
#pragma once

namespace gibbslab {

// kStep, kEluSlope and kEluCurve are the derivatives of kLeakyRelu, kElu and kEluSlope.
enum class FunctionKind {
  kIdentity,
  kExp,
  kLog,
  kSquareRoot,
  kSoftplus,
  kSigmoid,
  kTanh,
  kLeakyRelu,
  kElu,
  kStep,
  kEluSlope,
  kEluCurve
};

// alpha: the slope of leaky ReLU and of its step below 0 (0: ReLU); minus the limit of ELU.
struct Function {
  FunctionKind kind = FunctionKind::kIdentity;
  float alpha = 0.0f;
};

constexpr bool is_activation(FunctionKind kind) {
  return kind == FunctionKind::kIdentity ||
         (kind >= FunctionKind::kSoftplus && kind <= FunctionKind::kElu);
}

enum class LossKind { kSquaredError, kBernoulli, kBernoulliLogits, kGaussian, kKl };

constexpr bool has_target(LossKind kind) { return kind != LossKind::kKl; }
constexpr bool has_log_variance(LossKind kind) { return kind >= LossKind::kGaussian; }

enum class DescentRule { kSgd, kNesterov, kRmsprop, kAdam, kAdamW };

// What a step's numbers come to; `first_scale` is rate / (1 - momentum^t), `second_scale` is
// 1 / sqrt(1 - decay^t).
struct DescentFactors {
  float rate = 0.0f, momentum = 0.0f, decay = 0.0f, epsilon = 0.0f, weight_decay = 0.0f;
  float first_scale = 0.0f, second_scale = 1.0f;
};

}  // namespace gibbslab
