#include "csrc/ops/dense.h"

#include <algorithm>
#include <vector>

#include "csrc/core/faults.h"
#include "csrc/core/thread_pool.h"
#include "csrc/cpu/blas.h"
#include "csrc/cpu/cpu_ops.h"

namespace gibbslab::cpu {
namespace {

// The pieces of a product (rows, depth) (depth, cols): cut along the longer side of the result, so
// that they share the least. Fixed by the shape: results do not depend on the threads.
class ProductPieces {
 public:
  ProductPieces(int64_t rows, int64_t cols, int64_t depth)
      : rows_(rows), cols_(cols), by_columns_(cols > rows) {
    const int64_t length = round_up(by_columns_ ? cols : rows, kLanes) / kLanes;
    const int64_t work = 2 * rows * cols * depth;
    while (2 * count_ <= std::min(kMost, length) && 4 * count_ * count_ * kWork <= work)
      count_ *= 2;
  }
  int64_t count() const { return count_; }

  struct Piece {
    int64_t row, rows, column, columns;
  };
  Piece operator[](int64_t p) const {
    const int64_t length = by_columns_ ? cols_ : rows_;
    const int64_t lines = round_up(length, kLanes) / kLanes;
    const int64_t begin = kLanes * (lines * p / count_);
    const int64_t size = std::min(length, kLanes * (lines * (p + 1) / count_)) - begin;
    if (by_columns_) return {0, rows_, begin, size};
    return {begin, size, 0, cols_};
  }

 private:
  // What the pieces share is packed once for each of them: twice as many for four times the work.
  static constexpr int64_t kWork = 2'000'000, kMost = 16;
  int64_t rows_, cols_, count_ = 1;
  bool by_columns_;
};

// Rows of a piece that are activated one after the other.
template <class Body>
void for_rows_of(const ProductPieces::Piece& piece, const Body& body) {
  for (int64_t r = piece.row; r < piece.row + piece.rows; ++r) body(r);
}

void forward_piece(const Dense& job, const ProductPieces::Piece& at) {
  const Tensor &x = *job.x, &w = *job.weight;
  gemm({false, true, at.rows, at.columns, x.cols(), 1.0f, x.row(at.row), x.stride(),
        w.row(at.column), w.stride(), 0.0f, job.out->row(at.row) + at.column, job.out->stride()});
  const float* bias = job.bias != nullptr ? job.bias->data() + at.column : nullptr;
  for_rows_of(at, [&](int64_t r) {
    kernels().add_and_activate(job.activation, bias, job.out->row(r) + at.column, at.columns);
  });
}

void weight_gradient_piece(const DenseBackward& job, const ProductPieces::Piece& at) {
  const Tensor &dz = *job.dz, &x = *job.x;
  gemm({true, false, at.rows, at.columns, dz.rows(), 1.0f, dz.data() + at.row, dz.stride(),
        x.data() + at.column, x.stride(), 0.0f, job.weight_gradient->row(at.row) + at.column,
        job.weight_gradient->stride()});
}

void out_piece(const DenseBackward& job, const ProductPieces::Piece& at) {
  const Tensor &dz = *job.dz, &w = *job.weight;
  gemm({false, false, at.rows, at.columns, dz.cols(), 1.0f, dz.row(at.row), dz.stride(),
        w.data() + at.column, w.stride(), job.accumulate ? 1.0f : 0.0f,
        job.out->row(at.row) + at.column, job.out->stride()});
  if (job.below.kind == FunctionKind::kIdentity || fault("dense_slope_left_out")) return;
  for_rows_of(at, [&](int64_t r) {
    float* out = job.out->row(r) + at.column;
    kernels().slope_row(job.below, job.x->row(r) + at.column, out, out, at.columns);
  });
}

void sum_bias_gradient(const DenseBackward& job) {
  std::vector<double> sums(static_cast<size_t>(round_up(job.dz->cols(), kLanes)), 0.0);
  kernels().column_sums(*job.dz, sums.data());
  for (int64_t c = 0; c < job.dz->cols(); ++c)
    job.bias_gradient->data()[c] = static_cast<float>(sums[static_cast<size_t>(c)]);
}

struct CpuDense : DenseOps {
  void forward(const Context& ctx, const Dense& job) override {
    const ProductPieces pieces(job.out->rows(), job.out->cols(), job.x->cols());
    const SingleThreadedBlas guard;
    parallel_for(ctx.threads(), pieces.count(), [&](int64_t p) { forward_piece(job, pieces[p]); });
  }

  void backward(const Context& ctx, const DenseBackward& given) override {
    DenseBackward job = given;
    const Tensor padded_dz = job.dz->padded() ? *job.dz : job.dz->clone();
    const Tensor padded_x = job.x->padded() || job.out == nullptr ? *job.x : job.x->clone();
    job.dz = &padded_dz;
    job.x = &padded_x;
    const int64_t n = job.dz->rows(), outputs = job.weight->rows(), inputs = job.weight->cols();
    const ProductPieces by_weight(outputs, inputs, n), by_out(n, inputs, outputs);
    const int64_t first = job.out != nullptr ? by_out.count() : 0;
    const int64_t second = first + (job.weight_gradient != nullptr ? by_weight.count() : 0);
    const SingleThreadedBlas guard;
    parallel_for(ctx.threads(), second + (job.bias_gradient != nullptr ? 1 : 0), [&](int64_t i) {
      if (i < first) return out_piece(job, by_out[i]);
      if (i < second) return weight_gradient_piece(job, by_weight[i - first]);
      sum_bias_gradient(job);
    });
  }

  void times_slope(const Context& ctx, Function f, const Tensor& y, const Tensor& dy,
                   Tensor& out) override {
    const Tensor value = y.padded() ? y : y.clone(), gradient = dy.padded() ? dy : dy.clone();
    const Pieces pieces(out.rows(), 16, ctx.threads());
    parallel_for(ctx.threads(), pieces.count, [&](int64_t p) {
      for (int64_t r = pieces.begin(p); r < pieces.end(p); ++r)
        kernels().slope_row(f, value.row(r), gradient.row(r), out.row(r), out.cols());
    });
  }
};

}  // namespace

DenseOps& dense_ops() {
  static CpuDense ops;
  return ops;
}

}  // namespace gibbslab::cpu
