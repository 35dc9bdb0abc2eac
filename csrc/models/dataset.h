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
  // Binary data are packed, other dense data are referred to, not copied.
  Dataset(const Context& ctx, Tensor dense);
  Dataset(const Context& ctx, Csr csr);

  int64_t rows() const { return rows_; }
  int64_t cols() const { return cols_; }
  bool binary() const { return binary_; }

  // The rows that order[0 .. count) names, as one batch (count, cols).
  States gather(const int64_t* order, int64_t count) const;

 private:
  BitTensor gather_bits(const int64_t* order, int64_t count) const;
  Tensor gather_dense(const int64_t* order, int64_t count) const;

  int64_t rows_ = 0, cols_ = 0;
  bool binary_ = false;
  BitTensor bits_;
  Tensor dense_;
  Csr csr_;
};

}  // namespace gibbslab
