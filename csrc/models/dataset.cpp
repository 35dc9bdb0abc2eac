#include "csrc/models/dataset.h"

#include <algorithm>
#include <utility>

#include "csrc/ops/backend.h"

namespace gibbslab {

Dataset::Dataset(const Context& ctx, const Tensor& dense)
    : rows_(dense.rows()), cols_(dense.cols()) {
  const Tensor here = dense.to(ctx.backend().memory);
  states_ = ops::packed_if_binary(ctx, here);
  binary_ = states_.binary();
}

Dataset::Dataset(const Context& ctx, Csr csr) : rows_(csr.rows), cols_(csr.cols) {
  const int64_t entries = csr.starts[rows_];
  binary_ =
      std::all_of(csr.values, csr.values + entries, [](float x) { return x == 0.0f || x == 1.0f; });
  if (!binary_) {
    csr_ = std::move(csr);
    return;
  }
  BitTensor bits = BitTensor::zeros(rows_, cols_);
  for (int64_t r = 0; r < rows_; ++r)
    for (int64_t k = csr.starts[r]; k < csr.starts[r + 1]; ++k)
      if (csr.values[k] != 0.0f) bits.set(r, csr.columns[k]);
  states_ = bits.to(ctx.backend().memory);
}

States Dataset::gather(const Context& ctx, const int64_t* order, int64_t count) const {
  if (csr_.starts == nullptr) return ops::gather(ctx, states_, order, count);
  return gather_csr(order, count).to(ctx.backend().memory);
}

Tensor Dataset::gather_csr(const int64_t* order, int64_t count) const {
  Tensor out = Tensor::zeros(count, cols_);
  for (int64_t r = 0; r < count; ++r)
    for (int64_t k = csr_.starts[order[r]]; k < csr_.starts[order[r] + 1]; ++k)
      out.row(r)[csr_.columns[k]] = csr_.values[k];
  return out;
}

}  // namespace gibbslab
