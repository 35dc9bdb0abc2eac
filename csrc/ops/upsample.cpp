#include "csrc/ops/upsample.h"

#include <algorithm>

#include "csrc/ops/backend.h"
#include "csrc/ops/shapes.h"

namespace gibbslab::ops {

void require_enlargement(const char* op, const Enlargement& g) {
  const int64_t sizes[] = {g.rows, g.cols, g.channels};
  require(std::all_of(std::begin(sizes), std::end(sizes),
                      [](int64_t n) { return 1 <= n && n <= kLargestSide; }),
          op, [] { return "sizes must be in 1 ... " + std::to_string(kLargestSide); });
  require(1 <= std::min(g.row_factor, g.col_factor) &&
              std::max(g.row_factor, g.col_factor) <= kLargestStride,
          op, [] { return "factors must be in 1 ... " + std::to_string(kLargestStride); });
}

void upsample(const Context& ctx, const Enlargement& g, const Tensor& x, Tensor& out) {
  require_enlargement("upsample", g);
  require_shape("upsample", "x", x, x.rows(), g.inputs());
  require_shape("upsample", "out", out, x.rows(), g.outputs());
  if (x.rows() > 0) ctx.backend().upsample.forward(ctx, g, x, out);
}

void upsample_transposed(const Context& ctx, const Enlargement& g, const Tensor& y, Tensor& out) {
  require_enlargement("upsample_transposed", g);
  require_shape("upsample_transposed", "y", y, y.rows(), g.outputs());
  require_shape("upsample_transposed", "out", out, y.rows(), g.inputs());
  if (y.rows() > 0) ctx.backend().upsample.transposed(ctx, g, y, out);
}

}  // namespace gibbslab::ops
