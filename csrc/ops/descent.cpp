#include "csrc/ops/descent.h"

#include "csrc/core/error.h"
#include "csrc/ops/backend.h"
#include "csrc/ops/shapes.h"

namespace gibbslab::ops {

void descend(const Context& ctx, const Descent& job, Tensor& trouble) {
  require_shape("descend", "trouble", trouble, 1, 1);
  for (const DescentSlot& slot : job.slots)
    for (const Tensor* x : {&slot.gradient, &slot.new_weight, &slot.first, &slot.second})
      require(x->rows() == slot.weight.rows() && x->cols() == slot.weight.cols() && x->padded() &&
                  slot.weight.padded(),
              "descend", [&] {
                return "gradients and averages must be padded and have the shape of their weight " +
                       shape_string(slot.weight.rows(), slot.weight.cols()) + ", got " +
                       shape_string(x->rows(), x->cols());
              });
  ctx.backend().descent.descend(ctx, job, trouble);
}

}  // namespace gibbslab::ops
