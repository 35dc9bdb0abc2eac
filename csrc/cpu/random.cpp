#include "csrc/ops/random.h"

#include <algorithm>

#include "csrc/core/draws.h"
#include "csrc/cpu/cpu_ops.h"
#include "csrc/cpu/kernels.h"
#include "csrc/cpu/scratch.h"
#include "csrc/cpu/shares.h"

namespace gibbslab::cpu {
namespace {

struct CpuRandom : RandomOps {
  void uniform(const Context& ctx, const Draw& draw, Tensor& out) override {
    for_rows(ctx.threads(), out.rows(), 8, [&](int64_t r) {
      kernels().uniform_row(out.row(r), out.cols(), counter(draw, r, out.cols()), draw.stream,
                            draw.seed);
    });
  }

  void normal(const Context& ctx, const Draw& draw, float mean, float deviation,
              Tensor& out) override {
    for_rows(ctx.threads(), out.rows(), 8, [&](int64_t r) {
      const uint64_t first = static_cast<uint64_t>(draw.first_row + r) * out.cols();
      for (int64_t c = 0; c < out.cols(); ++c)
        out.row(r)[c] = mean + deviation * standard_normal(first + c, draw);
    });
  }

  void normal_of_stored(const Context& ctx, const Draw* draw, float mean, float deviation,
                        Tensor& out) override {
    normal(ctx, *draw, mean, deviation, out);
  }

  void bernoulli(const Context& ctx, const Tensor& p, const Draw& draw, BitTensor& out) override {
    for_rows(ctx.threads(), out.rows(), 8, [&](int64_t r) {
      const float* row = p.row(p.rows() == 1 ? 0 : r);
      if (!p.padded()) {
        float* copy = static_cast<float*>(scratch(3, round_up(p.cols(), kLanes) * 4));
        std::fill_n(copy + p.cols(), round_up(p.cols(), kLanes) - p.cols(), 0.0f);
        row = std::copy_n(row, p.cols(), copy) - p.cols();
      }
      kernels().activate_row({row, p.cols(), 1.0f, counter(draw, r, p.cols()), draw.stream,
                              draw.seed, nullptr, out.row(r), true});
    });
  }

 private:
  static uint64_t counter(const Draw& draw, int64_t row, int64_t cols) {
    return static_cast<uint64_t>(draw.first_row + row) * counters_per_row(cols);
  }
};

}  // namespace

RandomOps& random_ops() {
  static CpuRandom ops;
  return ops;
}

}  // namespace gibbslab::cpu
