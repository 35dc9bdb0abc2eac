#include "csrc/ops/optim.h"

#include <atomic>
#include <cmath>
#include <vector>

#include "csrc/core/thread_pool.h"
#include "csrc/cpu/cpu_ops.h"
#include "csrc/cpu/kernels.h"

namespace gibbslab::cpu {
namespace {

struct CpuOptim : OptimOps {
  bool update(const Context& ctx, const Update& job) override {
    std::atomic<bool> finite{true};
    const Pieces pieces(job.weight->rows(), 16, ctx.threads());
    parallel_for(ctx.threads(), pieces.count, [&](int64_t p) {
      for (int64_t r = pieces.begin(p); r < pieces.end(p); ++r)
        if (!kernels().update_row(row_update(job, r, job.gradient->row(r)))) finite = false;
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

UpdateRow row_update(const Update& job, int64_t r, const float* gradient) {
  const auto values = [](const Tensor* t) { return t ? t->data() : nullptr; };
  const auto value = [r](const Tensor* t) { return t ? t->data()[r] : 0.0f; };
  UpdateRow row{};
  row.weight = job.weight->row(r);
  row.gradient = gradient;
  row.velocity = job.velocity ? job.velocity->row(r) : nullptr;
  row.new_weight = job.new_weight->row(r);
  row.new_velocity = job.new_velocity ? job.new_velocity->row(r) : nullptr;
  row.hidden_shift = values(job.shift);
  row.hidden_mean = values(job.mean);
  row.hidden_pressure = values(job.pressure);
  row.row_mean = value(job.row_mean);
  row.row_shift = value(job.row_shift);
  row.row_pressure = value(job.row_pressure);
  row.learning_rate = job.learning_rate;
  row.momentum = job.momentum;
  row.l1 = job.l1;
  row.l2 = job.l2;
  row.cols = job.weight->cols();
  return row;
}

OptimOps& optim_ops() {
  static CpuOptim ops;
  return ops;
}

}  // namespace gibbslab::cpu
