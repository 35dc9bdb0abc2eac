// The parameter update of an energy model.
#pragma once

#include "csrc/core/context.h"
#include "csrc/core/tensor.h"

namespace gibbslab {

// Ascent on the log-likelihood, momentum not multiplied into the learning rate:
//   g = gradient - row_mean_i shift_j - row_shift_i mean_j + row_pressure_i pressure_j
//       - l2 w - l1 sign(w)
//   velocity' = momentum velocity + g;  w' = w + learning_rate velocity'
// The rank-one terms serve the centred gradient and the sparsity target; null means absent.
struct Update {
  const Tensor* weight = nullptr;                             // (R, C)
  const Tensor* gradient = nullptr;                           // (R, C)
  const Tensor* velocity = nullptr;                           // (R, C), or null without momentum
  Tensor* new_weight = nullptr;                               // (R, C), not an alias of weight
  Tensor* new_velocity = nullptr;                             // (R, C), or null as velocity
  const Tensor *row_mean = nullptr, *shift = nullptr;         // (1, R), (1, C)
  const Tensor *row_shift = nullptr, *mean = nullptr;         // (1, R), (1, C)
  const Tensor *row_pressure = nullptr, *pressure = nullptr;  // (1, R), (1, C)
  Tensor* new_transposed = nullptr;  // (C, R), new_weight transposed, or null; cd_update only
  float learning_rate = 0.0f, momentum = 0.0f, l1 = 0.0f, l2 = 0.0f;
};

struct OptimOps {
  virtual ~OptimOps() = default;
  virtual bool update(const Context& ctx, const Update& job) = 0;
  virtual void limit_column_norms(const Context& ctx, float max_norm, Tensor& w) = 0;
};

namespace ops {

// Throws, naming `op`, where an operand that is there does not fit the weight.
void require_fitting(const char* op, const Update& job);
// Returns false when a new value is not finite; the inputs are untouched either way.
bool update(const Context& ctx, const Update& job);
// Scales every column of w (R, C) whose Euclidean norm exceeds max_norm down to it.
void limit_column_norms(const Context& ctx, float max_norm, Tensor& w);

}  // namespace ops
}  // namespace gibbslab
