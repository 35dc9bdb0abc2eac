#include "csrc/ops/random.h"

#include <algorithm>

#include "csrc/cpu/cpu_ops.h"
#include "csrc/cpu/kernels.h"
#include "csrc/cpu/scratch.h"
#include "csrc/cpu/shares.h"

namespace gibbslab::cpu {
namespace {

constexpr int kRowSlot = 3;         // of scratch
constexpr int64_t kNormals = 1024;  // that are drawn together

struct CpuRandom : RandomOps {
  void uniform(const Context& ctx, const Draw& draw, Tensor& out) override {
    for_rows(ctx.threads(), out.rows(), 8, [&](int64_t r) {
      kernels().uniform_row(out.row(r), out.cols(), counter(draw, r, out.cols()), draw.stream,
                            draw.seed);
    });
  }

  void normal(const Context& ctx, const Draw& draw, float mean, float deviation,
              Tensor& out) override {
    if (out.empty()) return;
    const int64_t some = std::max<int64_t>(1, kNormals / out.cols());
    for_rows(ctx.threads(), (out.rows() + some - 1) / some, 1, [&](int64_t i) {
      normal_rows(draw, mean, deviation, i * some, std::min(out.rows(), (i + 1) * some), out);
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
        float* copy = static_cast<float*>(scratch(kRowSlot, round_up(p.cols(), kLanes) * 4));
        std::fill_n(copy + p.cols(), round_up(p.cols(), kLanes) - p.cols(), 0.0f);
        row = std::copy_n(row, p.cols(), copy) - p.cols();
      }
      kernels().activate_row({row, p.cols(), 1.0f, counter(draw, r, p.cols()), draw.stream,
                              draw.seed, nullptr, out.row(r), true});
    });
  }

 private:
  // Rows [begin, end). Elements share a counter in pairs, whichever row they are in.
  static void normal_rows(const Draw& draw, float mean, float deviation, int64_t begin, int64_t end,
                          Tensor& out) {
    const int64_t first = (draw.first_row + begin) * out.cols(), before = first % 2;
    const int64_t count = round_up(before + (end - begin) * out.cols(), 16);
    float* normals = static_cast<float*>(scratch(kRowSlot, count * 4));
    kernels().standard_normals(normals, count, static_cast<uint64_t>(first / 2), draw.stream,
                               draw.seed);
    normals += before;
    for (int64_t r = begin; r < end; ++r, normals += out.cols())
      for (int64_t c = 0; c < out.cols(); ++c) out.row(r)[c] = mean + deviation * normals[c];
  }
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
