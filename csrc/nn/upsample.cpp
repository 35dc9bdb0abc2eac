#include "csrc/nn/upsample.h"

#include "csrc/ops/backend.h"

namespace gibbslab::nn {

Variable upsample(const Enlargement& g, const Variable& x) {
  ops::require_enlargement("upsample", g);
  Tensor out = ops::zeros(x.context(), x.rows(), g.outputs());
  ops::upsample(x.context(), g, x.value(), out);
  return {out, {x}, [g](Backprop& step) { step.give(0, upsample_transposed(g, step.gradient())); }};
}

Variable upsample_transposed(const Enlargement& g, const Variable& y) {
  ops::require_enlargement("upsample_transposed", g);
  Tensor out = ops::zeros(y.context(), y.rows(), g.inputs());
  ops::upsample_transposed(y.context(), g, y.value(), out);
  return {out, {y}, [g](Backprop& step) { step.give(0, upsample(g, step.gradient())); }};
}

}  // namespace gibbslab::nn
