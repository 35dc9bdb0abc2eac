#include "csrc/ops/optim.h"

#include <atomic>
#include <cmath>
#include <vector>

#include "csrc/cpu/cpu_ops.h"
#include "csrc/cpu/kernels.h"
#include "csrc/cpu/shares.h"

namespace gibbslab::cpu {
namespace {

struct CpuOptim : OptimOps {
  bool update(const Context& ctx, const Update& job) override {
    std::atomic<bool> finite{true};
    for_pieces(ctx.threads(), job.weight->rows(), 16, [&](int64_t begin, int64_t end) {
      if (!kernels().update_rows(job, *job.gradient, 0, begin, end)) finite = false;
    });
    return finite;
  }

  void limit_column_norms(const Context&, float max_norm, Tensor& w) override {
    std::vector<double> squares(static_cast<size_t>(w.cols()), 0.0);
    for (int64_t r = 0; r < w.rows(); ++r)
      for (int64_t c = 0; c < w.cols(); ++c)
        squares[c] += static_cast<double>(w.row(r)[c]) * w.row(r)[c];
    std::vector<float> scale(squares.size(), 1.0f);
    for (size_t c = 0; c < squares.size(); ++c)
      if (squares[c] > static_cast<double>(max_norm) * max_norm)
        scale[c] = static_cast<float>(max_norm / std::sqrt(squares[c]));
    for (int64_t r = 0; r < w.rows(); ++r)
      for (int64_t c = 0; c < w.cols(); ++c) w.row(r)[c] *= scale[c];
  }
};

}  // namespace

OptimOps& optim_ops() {
  static CpuOptim ops;
  return ops;
}

}  // namespace gibbslab::cpu
