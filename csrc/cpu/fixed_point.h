// Products of bits and weights in fixed point: the CPU's twin of kernels/gibbs_int8.cu, bit for
// bit.
#pragma once

#include <cstdint>
#include <vector>

#include "csrc/core/context.h"
#include "csrc/core/tensor.h"

namespace gibbslab::cpu {

class FixedPointWeights {
 public:
  // Of w (I, J). The three planes of a weight are kept as the one number that they make up.
  FixedPointWeights(const Context& ctx, const Tensor& w);

  // pre[r, c] = scale (x W)[r, c] + bias[c] for rows [row, row_end), columns [column, column_end);
  // x (B, I), bias (1, J) or null, pre (B, J).
  void multiply(const BitTensor& x, float scale, const Tensor* bias, Tensor& pre, int64_t row,
                int64_t row_end, int64_t column, int64_t column_end) const;

 private:
  int64_t inputs_, units_;
  int exponent_;
  float spoiled_;               // 0, or NaN where a weight is not finite
  std::vector<int32_t> whole_;  // (I, J)
};

}  // namespace gibbslab::cpu
