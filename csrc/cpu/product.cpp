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
constexpr int64_t kProbedRows = 8, kLeastWork = 1 << 16;

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

void ProductTasks::run(const Part& part, const SparseRows& a) const {
  a.multiply(part.row, part.rows, whole_.b + part.column / kProductStrip * strip_, part.columns,
             whole_.out + part.row * whole_.out_stride + part.column, whole_.out_stride);
}

SparseRows::SparseRows(const Context& ctx, const Tensor& x, int64_t step) {
  const int64_t room = round_up(x.cols(), kLanes) + kLanes;
  lists_.at = static_cast<uint32_t*>(scratch(kAtSlot, x.rows() * room * 4));
  lists_.value = static_cast<float*>(scratch(kValueSlot, x.rows() * room * 4));
  lists_.counts = static_cast<int64_t*>(scratch(kCountsSlot, x.rows() * 8));
  lists_.room = room;
  for_rows(ctx.threads(), x.rows(), 16, [&](int64_t r) {
    kernels().list_nonzeros(
        x.row(r), x.cols(), step,
        {lists_.at + r * room, lists_.value + r * room, lists_.counts + r, room});
  });
}

void SparseRows::multiply(int64_t row, int64_t rows, const float* b, int64_t cols, float* out,
                          int64_t out_stride) const {
  const NonzeroRows& a = lists_;
  kernels().sparse_product({{a.at + row * a.room, a.value + row * a.room, a.counts + row, a.room},
                            b,
                            out,
                            out_stride,
                            rows,
                            cols});
}

bool SparseRows::pay_for(const Tensor& x, int64_t size) {
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
