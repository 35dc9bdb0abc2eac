#include "csrc/ops/linalg.h"

#include <algorithm>

#include "csrc/core/thread_pool.h"
#include "csrc/cpu/blas.h"
#include "csrc/cpu/cpu_ops.h"
#include "csrc/cpu/kernels.h"
#include "csrc/cpu/shares.h"

namespace gibbslab::cpu {
namespace {

// Rows of a piece of a dense product: fixed, so that results do not depend on the threads.
constexpr int64_t kPanelRows = 64;

struct CpuLinalg : LinalgOps {
  void matmul(const Context& ctx, const Tensor& a, bool ta, const Tensor& b, bool tb, float alpha,
              float beta, Tensor& out) override {
    const int64_t k = ta ? a.rows() : a.cols();
    const int64_t panels = (out.rows() + kPanelRows - 1) / kPanelRows;
    const SingleThreadedBlas guard;
    parallel_for(ctx.threads(), panels, [&](int64_t p) {
      const int64_t first = p * kPanelRows, rows = std::min(kPanelRows, out.rows() - first);
      const float* start = ta ? a.data() + first : a.row(first);
      gemm({ta, tb, rows, out.cols(), k, alpha, start, a.stride(), b.data(), b.stride(), beta,
            out.row(first), out.stride()});
    });
  }

  void transpose(const Context& ctx, const Tensor& x, Tensor& out) override {
    if (!x.padded() || !out.padded()) return plain_transpose(x, out);
    const int64_t tiles = (x.rows() + 15) / 16;
    for_pieces(ctx.threads(), tiles, 8, [&](int64_t begin, int64_t end) {
      kernels().transpose(x, out, 16 * begin, std::min(x.rows(), 16 * end));
    });
  }

 private:
  static void plain_transpose(const Tensor& x, Tensor& out) {
    for (int64_t r = 0; r < x.rows(); ++r)
      for (int64_t c = 0; c < x.cols(); ++c) out.row(c)[r] = x.row(r)[c];
  }
};

}  // namespace

LinalgOps& linalg_ops() {
  static CpuLinalg ops;
  return ops;
}

}  // namespace gibbslab::cpu
