#include "csrc/models/dataset.h"

#include <algorithm>
#include <utility>

#include "csrc/ops/backend.h"

namespace gibbslab {

Dataset::Dataset(const Context& ctx, Tensor dense) : rows_(dense.rows()), cols_(dense.cols()) {
  bits_ = BitTensor::zeros(rows_, cols_);
  binary_ = ops::pack(ctx, dense, bits_);
  if (!binary_) {
    bits_ = BitTensor();
    dense_ = std::move(dense);
  }
}

Dataset::Dataset(const Context&, Csr csr) : rows_(csr.rows), cols_(csr.cols) {
  const int64_t entries = csr.starts[rows_];
  binary_ =
      std::all_of(csr.values, csr.values + entries, [](float x) { return x == 0.0f || x == 1.0f; });
  if (!binary_) {
    csr_ = std::move(csr);
    return;
  }
  bits_ = BitTensor::zeros(rows_, cols_);
  for (int64_t r = 0; r < rows_; ++r)
    for (int64_t k = csr.starts[r]; k < csr.starts[r + 1]; ++k)
      if (csr.values[k] != 0.0f) bits_.set(r, csr.columns[k]);
}

States Dataset::gather(const int64_t* order, int64_t count) const {
  if (binary_) return gather_bits(order, count);
  return gather_dense(order, count);
}

BitTensor Dataset::gather_bits(const int64_t* order, int64_t count) const {
  BitTensor out = BitTensor::zeros(count, cols_);
  const int64_t words = bits_.words_per_row();
  for (int64_t r = 0; r < count; ++r)  // the rows lie anywhere in the data: ask for all at once
    for (int64_t w = 0; w < words; w += 8) __builtin_prefetch(bits_.row(order[r]) + w);
  for (int64_t r = 0; r < count; ++r) std::copy_n(bits_.row(order[r]), words, out.row(r));
  return out;
}

Tensor Dataset::gather_dense(const int64_t* order, int64_t count) const {
  Tensor out = Tensor::zeros(count, cols_);
  for (int64_t r = 0; r < count; ++r) {
    if (csr_.starts == nullptr) {
      std::copy_n(dense_.row(order[r]), cols_, out.row(r));
      continue;
    }
    for (int64_t k = csr_.starts[order[r]]; k < csr_.starts[order[r] + 1]; ++k)
      out.row(r)[csr_.columns[k]] = csr_.values[k];
  }
  return out;
}

}  // namespace gibbslab
