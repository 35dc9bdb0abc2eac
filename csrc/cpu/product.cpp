#include "csrc/cpu/product.h"

#include <algorithm>
#include <limits>

#include "csrc/core/thread_pool.h"
#include "csrc/cpu/scratch.h"
#include "csrc/cpu/shares.h"

namespace gibbslab::cpu {
namespace {

constexpr int kAtSlot = 4, kValueSlot = 5, kCountsSlot = 6, kPackedSlot = 7;  // of scratch

// Of elements that are not zero. 19 % of MNIST's are; lists cost about three times as much for
// each.
constexpr double kMostNonzeros = 0.3;
constexpr int64_t kProbedRows = 8, kLeastWork = 1 << 16, kRowsOfList = 16;

// The lists of the rows from `row` on.
Nonzeros from(const Nonzeros& lists, int64_t row) {
  return {lists.at, lists.value, lists.starts + row, lists.counts + row};
}

}  // namespace

ProductTasks::Part ProductTasks::operator[](int64_t i) const {
  const int64_t column = kProductStrip * (i / chunks_), chunk = i % chunks_;
  const int64_t row = whole_.rows * chunk / chunks_, end = whole_.rows * (chunk + 1) / chunks_;
  return {column, std::min(kProductStrip, whole_.cols - column), row, end - row};
}

void ProductTasks::run(const Part& part) const {
  DenseProduct job = whole_;
  job.a += part.row * job.a_row;
  job.b += part.column / kProductStrip * strip_;
  job.out += part.row * job.out_stride + part.column;
  job.rows = part.rows;
  job.cols = part.columns;
  kernels().dense_product(job);
}

void ProductTasks::run(const Part& part, const Sparse& a) const {
  a.multiply(part.row, part.rows, whole_.b + part.column / kProductStrip * strip_, part.columns,
             whole_.out + part.row * whole_.out_stride + part.column, whole_.out_stride);
}

Sparse::Sparse(int64_t rows, int64_t places) {
  lists_.at = static_cast<uint32_t*>(scratch(kAtSlot, places * 4));
  lists_.value = static_cast<float*>(scratch(kValueSlot, places * 4));
  lists_.starts = static_cast<int64_t*>(scratch(kCountsSlot, 2 * rows * 8));
  lists_.counts = lists_.starts + rows;
}

Sparse Sparse::rows_of(const Context& ctx, const Tensor& x, int64_t step) {
  const int64_t room = x.cols() + kLanes;
  const Sparse out(x.rows(), x.rows() * room);
  for_pieces(ctx.threads(), x.rows(), kRowsOfList, [&](int64_t begin, int64_t end) {
    kernels().list_rows({x.row(begin), x.stride(), end - begin, x.cols(), step, begin * room,
                         from(out.lists_, begin)});
  });
  return out;
}

Sparse Sparse::columns_of(const Context& ctx, const Tensor& x, int64_t step) {
  const int64_t room = column_room(x.rows());
  const Sparse out(x.cols(), x.cols() * room);
  const int64_t blocks = (x.cols() + kLanes - 1) / kLanes;
  for_pieces(ctx.threads(), blocks, 1, [&](int64_t first, int64_t last) {
    const int64_t begin = kLanes * first, end = std::min(x.cols(), kLanes * last);
    kernels().list_columns({x.data() + begin, x.stride(), x.rows(), end - begin, step, begin * room,
                            from(out.lists_, begin)});
  });
  return out;
}

void Sparse::multiply(int64_t row, int64_t rows, const float* b, int64_t cols, float* out,
                      int64_t out_stride) const {
  kernels().sparse_product({from(lists_, row), b, out, out_stride, rows, cols});
}

bool Sparse::pays_for(const Tensor& x, int64_t size) {
  if (x.rows() * x.cols() < kLeastWork || size > std::numeric_limits<uint32_t>::max()) return false;
  const int64_t probed = std::min(kProbedRows, x.rows());
  int64_t nonzero = 0;
  for (int64_t i = 0; i < probed; ++i) {
    const float* row = x.row(x.rows() * i / probed);
    nonzero += x.cols() - std::count(row, row + x.cols(), 0.0f);
  }
  return static_cast<double>(nonzero) <= kMostNonzeros * static_cast<double>(probed * x.cols());
}

const float* packed_transpose(const Context& ctx, const Tensor& w) {
  const int64_t strips = (w.rows() + kProductStrip - 1) / kProductStrip;
  const int64_t size = w.cols() * kProductStrip;
  float* packed = static_cast<float*>(scratch(kPackedSlot, strips * size * 4));
  parallel_for(ctx.threads(), strips, [&](int64_t s) {
    const int64_t first = s * kProductStrip;
    kernels().pack_strip(w.row(first), w.stride(), std::min(kProductStrip, w.rows() - first),
                         w.cols(), packed + s * size);
  });
  return packed;
}

}  // namespace gibbslab::cpu
