#include "csrc/cpu/product.h"

#include <algorithm>

#include "csrc/core/thread_pool.h"
#include "csrc/cpu/scratch.h"

namespace gibbslab::cpu {
namespace {

constexpr int kPackedSlot = 7;  // of scratch

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
