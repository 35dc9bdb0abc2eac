// Products of padded matrices by our own kernels, cut into tasks.
#pragma once

#include "csrc/core/context.h"
#include "csrc/cpu/kernels.h"

namespace gibbslab::cpu {

class Sparse;

// Tasks that together are a product; fixed by the shape, so that results do not depend on threads.
class ProductTasks {
 public:
  // Of a task at most: whole tiles, and few enough to share the work evenly.
  static constexpr int64_t kRows = 56;

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
  void run(const Part& part, const Sparse& a) const;

 private:
  DenseProduct whole_{};
  int64_t strip_ = 0, strips_ = 0, chunks_ = 0;
};

// A matrix A that is mostly zeros, as lists; valid until the calling thread makes others.
class Sparse {
 public:
  // Of x, or of its transpose, which is padded, for a B whose rows lie `step` floats apart.
  static Sparse rows_of(const Context& ctx, const Tensor& x, int64_t step);
  static Sparse columns_of(const Context& ctx, const Tensor& x, int64_t step);
  // Rows [row, row + rows) of a product.
  void multiply(int64_t row, int64_t rows, const float* b, int64_t cols, float* out,
                int64_t out_stride) const;
  // Whether this is faster than the dense product with a B of `size` floats.
  static bool pays_for(const Tensor& x, int64_t size);

 private:
  Sparse(int64_t rows, int64_t places);
  Nonzeros lists_;
};

// The strips of B = W^T, for W (cols, depth) padded, one after the other; valid until the calling
// thread packs another.
const float* packed_transpose(const Context& ctx, const Tensor& w);

}  // namespace gibbslab::cpu
