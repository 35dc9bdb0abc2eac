#include "csrc/ops/backend.h"

namespace gibbslab::ops {

Tensor zeros(const Context& ctx, int64_t rows, int64_t cols) {
  return Tensor::zeros(rows, cols, ctx.backend().memory);
}

Tensor empty(const Context& ctx, int64_t rows, int64_t cols) {
  return Tensor::empty(rows, cols, ctx.backend().memory);
}

BitTensor zero_bits(const Context& ctx, int64_t rows, int64_t cols) {
  return BitTensor::zeros(rows, cols, ctx.backend().memory);
}

}  // namespace gibbslab::ops
