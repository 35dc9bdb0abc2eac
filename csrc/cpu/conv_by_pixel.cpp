#include "csrc/cpu/conv_by_pixel.h"

#include <algorithm>
#include <vector>

#include "csrc/core/faults.h"
#include "csrc/core/stride_residue.h"
#include "csrc/core/thread_pool.h"
#include "csrc/cpu/conv_finish.h"
#include "csrc/cpu/conv_shares.h"
#include "csrc/cpu/product.h"

namespace gibbslab::cpu {
namespace {

// Weights by taps, (taps channels, O): strip s of kProductStrip columns begins at s `strip`, with
// rows of kProductStrip.
struct TapWeights {
  const float* data;
  int64_t strip;
};

// A convolution of x to pixels that lie `row_step` and `col_step` elements apart from `out` on.
struct PixelProducts {
  ConvGeometry g;
  const Tensor* x;
  TapWeights weights;
  float* out;
  int64_t out_stride, row_step, col_step;
  ConvFinish* finish;

  void run(const Context& ctx) const {
    parallel_for(ctx.threads(), g.pixels(), [&](int64_t pixel) { make(pixel); });
  }

 private:
  void make(int64_t pixel) const {
    float* to = out + pixel / g.out_cols * row_step + pixel % g.out_cols * col_step;
    multiply(Seen(g, pixel), to);
    finish->pixel(to);
  }

  void multiply(const Seen& seen, float* to) const {
    const int64_t n = x->rows(), depth = seen.along.size() * g.channels;
    if (depth == 0 || seen.down.size() == 0) {
      for (int64_t r = 0; r < n; ++r) std::fill_n(to + r * out_stride, g.out_channels, 0.0f);
      return;
    }
    for (int64_t i = seen.down.begin; i < seen.down.end; ++i) {
      const float* from = x->data() + seen.element(g, i);
      const float* taps = weights.data + seen.tap(g, i) * g.channels * kProductStrip;
      for (int64_t c = 0; c < g.out_channels; c += kProductStrip, taps += weights.strip)
        kernels().dense_product({from, x->stride(), 1, taps, kProductStrip, to + c, out_stride, n,
                                 std::min(kProductStrip, g.out_channels - c), depth,
                                 i > seen.down.begin});
    }
  }
};

// The weights of the convolution that makes the pixels of two residues from y, its taps the other
// way round: (taps O, C), a strip a row.
Tensor turned_weights(const Context& ctx, const ConvGeometry& g, const Tensor& weight,
                      int64_t first_row, int64_t rows, int64_t first_col, int64_t cols) {
  const int64_t strips = (g.channels + kProductStrip - 1) / kProductStrip;
  Tensor out = Tensor::zeros(strips, rows * cols * g.out_channels * kProductStrip);
  parallel_for(ctx.threads(), rows * cols, [&](int64_t t) {
    const int64_t i = first_row + (rows - 1 - t / cols) * g.stride_rows;
    const int64_t j = first_col + (cols - 1 - t % cols) * g.stride_cols;
    for (int64_t o = 0; o < g.out_channels; ++o)
      for (int64_t s = 0; s < strips; ++s) {
        const int64_t c = s * kProductStrip;
        std::copy_n(weight.row(o) + (i * g.kernel_cols + j) * g.channels + c,
                    std::min(kProductStrip, g.channels - c),
                    out.row(s) + (t * g.out_channels + o) * kProductStrip);
      }
  });
  return out;
}

void make_residues(const Context& ctx, const Conv& job, int64_t row_residue, int64_t col_residue,
                   ConvFinish& finish) {
  const ConvGeometry& g = job.geometry;
  const StrideResidue down = residue_of_rows(g, row_residue),
                      along = residue_of_cols(g, col_residue);
  if (down.count == 0 || along.count == 0) return;
  const Tensor weight =
      turned_weights(ctx, g, *job.weight, row_residue, down.taps, col_residue, along.taps);
  const ConvGeometry turned{g.out_rows,
                            g.out_cols,
                            g.out_channels,
                            down.count,
                            along.count,
                            g.channels,
                            down.taps,
                            along.taps,
                            1,
                            1,
                            down.taps - 1 - down.from,
                            along.taps - 1 - along.from};
  PixelProducts{turned,
                job.x,
                {weight.data(), weight.stride()},
                job.out->data() + (down.first * g.cols + along.first) * g.channels,
                job.out->stride(),
                g.stride_rows * g.cols * g.channels,
                g.stride_cols * g.channels,
                &finish}
      .run(ctx);
}

// Shares of the pixels whose parts of the gradient are added in order.
constexpr int64_t kPixelShares = 4;

void add_pixels(const ConvGeometry& g, const Tensor& y, const Tensor& x, int64_t i, int64_t begin,
                int64_t end, Tensor& part) {
  for (int64_t pixel = begin; pixel < end; ++pixel) {
    const Seen seen(g, pixel);
    if (i < seen.down.begin || i >= seen.down.end || seen.along.size() == 0) continue;
    kernels().dense_product({y.data() + pixel * g.out_channels, 1, y.stride(),
                             x.data() + seen.element(g, i), x.stride(),
                             part.data() + seen.tap(g, i) * g.channels, part.stride(),
                             g.out_channels, seen.along.size() * g.channels, x.rows(), true});
  }
}

}  // namespace

bool suits_pixels(const ConvGeometry& g, const Tensor& a, const Tensor& b) {
  constexpr int64_t kLeastBatch = 32;
  // Pixels begin at whole registers.
  return a.rows() >= kLeastBatch && a.padded() && b.padded() && g.channels % kLanes == 0 &&
         g.out_channels % kLanes == 0;
}

void conv_by_pixel(const Context& ctx, const Conv& job) {
  const ConvGeometry& g = job.geometry;
  const TapWeights weights{packed_transpose(ctx, *job.weight), g.window() * kProductStrip};
  ConvFinish finish(job, g.out_channels, g.pixels());
  PixelProducts{g,
                job.x,
                weights,
                job.out->data(),
                job.out->stride(),
                g.out_cols * g.out_channels,
                g.out_channels,
                &finish}
      .run(ctx);
  finish.end();
}

void conv_transposed_by_pixel(const Context& ctx, const Conv& job) {
  const ConvGeometry& g = job.geometry;
  ConvFinish finish(job, g.channels, g.rows * g.cols);
  for (int64_t row = 0; row < g.stride_rows; ++row)
    for (int64_t col = 0; col < g.stride_cols; ++col) make_residues(ctx, job, row, col, finish);
  finish.end();
}

void conv_weight_by_pixel(const Context& ctx, const ConvGeometry& g, const Tensor& y,
                          const Tensor& x, Tensor& out) {
  std::vector<Tensor> parts = shares_of(out, kPixelShares);
  for (Tensor& part : parts) part.clear();
  parallel_for(ctx.threads(), kPixelShares * g.kernel_rows, [&](int64_t task) {
    const int64_t s = task / g.kernel_rows;
    add_pixels(g, y, x, task % g.kernel_rows, g.pixels() * s / kPixelShares,
               g.pixels() * (s + 1) / kPixelShares, parts[static_cast<size_t>(s)]);
  });
  add_shares(ctx, parts, out);
}

}  // namespace gibbslab::cpu
