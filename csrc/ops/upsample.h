// Enlarged images; in a batch a sample is a row, its elements in the order (row, column, channel).
#pragma once

#include "csrc/core/context.h"
#include "csrc/core/enlargement.h"
#include "csrc/core/tensor.h"

namespace gibbslab {

struct UpsampleOps {
  virtual ~UpsampleOps() = default;
  virtual void forward(const Context& ctx, const Enlargement& g, const Tensor& x, Tensor& out) = 0;
  virtual void transposed(const Context& ctx, const Enlargement& g, const Tensor& y,
                          Tensor& out) = 0;
};

namespace ops {

// ShapeError for sizes that no operation takes; they check them themselves.
void require_enlargement(const char* op, const Enlargement& g);

// out (N, outputs) from x (N, inputs); the transpose of this linear map: out (N, inputs) from y
// (N, outputs), the gradient by x.
void upsample(const Context& ctx, const Enlargement& g, const Tensor& x, Tensor& out);
void upsample_transposed(const Context& ctx, const Enlargement& g, const Tensor& y, Tensor& out);

}  // namespace ops
}  // namespace gibbslab
