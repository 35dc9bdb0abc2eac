// Sums of what shares of the samples, or of the pixels, add to a gradient.
#pragma once

#include <vector>

#include "csrc/core/context.h"
#include "csrc/core/faults.h"
#include "csrc/core/tensor.h"
#include "csrc/core/thread_pool.h"

namespace gibbslab::cpu {

// out, which is the first of `parts`, becomes the sum of all, added in order.
inline void add_shares(const Context& ctx, const std::vector<Tensor>& parts, Tensor& out) {
  const size_t count = parts.size() - (fault("conv_share_left_out") ? 1 : 0);
  const Pieces pieces(out.rows(), 8, ctx.threads());
  parallel_for(ctx.threads(), pieces.count, [&](int64_t p) {
    for (int64_t r = pieces.begin(p); r < pieces.end(p); ++r)
      for (size_t s = 1; s < count; ++s)
        for (int64_t c = 0; c < out.cols(); ++c) out.row(r)[c] += parts[s].row(r)[c];
  });
}

}  // namespace gibbslab::cpu
