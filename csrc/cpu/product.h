// Products of padded matrices by our own kernels, cut into tasks.
#pragma once

#include "csrc/core/context.h"
#include "csrc/cpu/kernels.h"

namespace gibbslab::cpu {

class SparseRows;

// Tasks that together are a product; fixed by the shape, so that results do not depend on threads.
class ProductTasks {
 public:
  // No tasks.
  ProductTasks() = default;
  // `strip` floats lie between where strips of kProductStrip columns of B begin.
  explicit ProductTasks(const DenseProduct& whole, int64_t strip = kProductStrip)
      : whole_(whole),
        strip_(strip),
        strips_((whole.cols + kProductStrip - 1) / kProductStrip),
        chunks_((whole.rows + kRows - 1) / kRows) {}

  int64_t count() const { return strips_ * chunks_; }
  // The columns and rows of out that task i makes.
  struct Part {
    int64_t column, columns, row, rows;
  };
  Part operator[](int64_t i) const;
  void run(const Part& part) const;
  // The same with a left factor in lists.
  void run(const Part& part, const SparseRows& a) const;

 private:
  static constexpr int64_t kRows = 56;  // whole tiles, and few enough to share the work evenly
  DenseProduct whole_{};
  int64_t strip_ = 0, strips_ = 0, chunks_ = 0;
};

// The rows of a matrix that is mostly zeros, as lists; valid until the calling thread makes others.
class SparseRows {
 public:
  // `step` floats lie between the rows of the B that it will be multiplied with.
  SparseRows(const Context& ctx, const Tensor& x, int64_t step);
  // Rows [row, row + rows) of a product.
  void multiply(int64_t row, int64_t rows, const float* b, int64_t cols, float* out,
                int64_t out_stride) const;
  // Whether lists of x, which is padded, or of its transpose are faster than the dense product with
  // a B of `size` floats.
  static bool pay_for(const Tensor& x, int64_t size);

 private:
  NonzeroRows lists_;
};

// The strips of B = W^T, for W (cols, depth) padded, one after the other; valid until the calling
// thread packs another.
const float* packed_transpose(const Context& ctx, const Tensor& w);

}  // namespace gibbslab::cpu
