#include "csrc/ops/upsample.h"

#include <algorithm>

#include "csrc/core/faults.h"
#include "csrc/core/thread_pool.h"
#include "csrc/cpu/cpu_ops.h"

namespace gibbslab::cpu {
namespace {

// to += share * from, over the channels of a pixel.
void add_pixel(const float* from, float share, int64_t channels, float* to) {
  if (share == 0.0f) return;
  for (int64_t c = 0; c < channels; ++c) to[c] += share * from[c];
}

struct Shares {
  TwoPixels from;
  template <class Body>
  void for_each(const Body& body) const {
    body(from.first, 1.0f - from.share);
    body(from.second, from.share);
  }
};

void enlarge(const Enlargement& g, const float* x, float* out) {
  const int64_t width = g.cols * g.col_factor, c = g.channels;
  std::fill_n(out, g.outputs(), 0.0f);
  for (int64_t p = 0; p < g.rows * g.row_factor; ++p)
    for (int64_t q = 0; q < width; ++q) {
      const Shares across{sources_of(q, g.cols, g.col_factor, g.bilinear)};
      Shares{sources_of(p, g.rows, g.row_factor, g.bilinear)}.for_each([&](int64_t r, float down) {
        across.for_each([&](int64_t k, float along) {
          add_pixel(x + (r * g.cols + k) * c, down * along, c, out + (p * width + q) * c);
        });
      });
    }
}

void gather(const Enlargement& g, const float* y, float* out) {
  const int64_t width = g.cols * g.col_factor, c = g.channels;
  std::fill_n(out, g.inputs(), 0.0f);
  for (int64_t r = 0; r < g.rows; ++r)
    for (int64_t k = 0; k < g.cols; ++k) {
      const PixelRange down = reach_of(r, g.rows, g.row_factor, g.bilinear),
                       along = reach_of(k, g.cols, g.col_factor, g.bilinear);
      const int64_t end = down.end - (fault("upsample_last_row_left_out") ? 1 : 0);
      for (int64_t p = down.begin; p < end; ++p) {
        const float share = share_of(r, p, g.rows, g.row_factor, g.bilinear);
        for (int64_t q = along.begin; q < along.end && share != 0.0f; ++q)
          add_pixel(y + (p * width + q) * c,
                    share * share_of(k, q, g.cols, g.col_factor, g.bilinear), c,
                    out + (r * g.cols + k) * c);
      }
    }
}

struct CpuUpsample : UpsampleOps {
  void forward(const Context& ctx, const Enlargement& g, const Tensor& x, Tensor& out) override {
    parallel_for(ctx.threads(), x.rows(), [&](int64_t n) { enlarge(g, x.row(n), out.row(n)); });
  }

  void transposed(const Context& ctx, const Enlargement& g, const Tensor& y, Tensor& out) override {
    parallel_for(ctx.threads(), y.rows(), [&](int64_t n) { gather(g, y.row(n), out.row(n)); });
  }
};

}  // namespace

UpsampleOps& upsample_ops() {
  static CpuUpsample ops;
  return ops;
}

}  // namespace gibbslab::cpu
