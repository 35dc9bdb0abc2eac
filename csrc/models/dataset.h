// A data set, uploaded once; a batch is a selection of its rows.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "csrc/core/context.h"
#include "csrc/core/tensor.h"

namespace gibbslab {

// Rows of numbers in CSR form; the arrays are kept alive by `owner`.
struct Csr {
  const int64_t* starts = nullptr;   // (rows + 1)
  const int32_t* columns = nullptr;  // (entries)
  const float* values = nullptr;     // (entries)
  int64_t rows = 0, cols = 0;
  std::shared_ptr<const void> owner;
};

class Dataset {
 public:
  // Binary data are packed and, like other dense data, laid where `ctx` computes; there dense data
  // that lie there already are referred to, not copied. CSR data of other values stay on the host.
  Dataset(const Context& ctx, const Tensor& dense);
  Dataset(const Context& ctx, Csr csr);

  int64_t rows() const { return rows_; }
  int64_t cols() const { return cols_; }
  bool binary() const { return binary_; }
  // Binary data, packed; null for others.
  const BitTensor* bits() const { return binary_ ? &states_.bits() : nullptr; }

  // The rows that order[0 .. count) names, as one batch (count, cols) where `ctx` computes.
  States gather(const Context& ctx, const int64_t* order, int64_t count) const;

 private:
  Tensor gather_csr(const int64_t* order, int64_t count) const;

  int64_t rows_ = 0, cols_ = 0;
  bool binary_ = false;
  States states_;
  Csr csr_;  // in their place, unless its values are 0 and 1
};

}  // namespace gibbslab
