#include "csrc/cpu/conv_by_pixel.h"

#include <algorithm>
#include <vector>

#include "csrc/core/faults.h"
#include "csrc/core/stride_residue.h"
#include "csrc/core/thread_pool.h"
#include "csrc/cpu/blas.h"
#include "csrc/cpu/conv_shares.h"

namespace gibbslab::cpu {
namespace {

// Taps [begin, end) of a side that lie inside the image.
struct Span {
  int64_t begin, end;
  int64_t size() const { return end - begin; }
};
Span taps_inside(int64_t corner, int64_t kernel, int64_t size) {
  const int64_t begin = std::clamp<int64_t>(-corner, 0, kernel);
  return {begin, std::clamp<int64_t>(size - corner, begin, kernel)};
}

// What one pixel of the result sees: taps, and the image's pixel under the first of all taps.
struct Seen {
  Seen(const ConvGeometry& g, int64_t pixel)
      : row(pixel / g.out_cols * g.stride_rows - g.top),
        col(pixel % g.out_cols * g.stride_cols - g.left),
        down(taps_inside(row, g.kernel_rows, g.rows)),
        along(taps_inside(col, g.kernel_cols, g.cols)) {}
  // The first element that tap row i sees, and the number of the first tap.
  int64_t element(const ConvGeometry& g, int64_t i) const {
    return ((row + i) * g.cols + col + along.begin) * g.channels;
  }
  int64_t tap(const ConvGeometry& g, int64_t i) const {
    return (fault("conv_taps_mirrored") ? g.kernel_rows - 1 - i : i) * g.kernel_cols + along.begin;
  }

  int64_t row, col;
  Span down, along;
};

// A convolution of x to pixels that lie `row_step` and `col_step` elements apart from `out` on.
struct PixelProducts {
  ConvGeometry g;
  const Tensor* x;
  const float* weight;
  int64_t weight_stride;
  bool rows_by_tap;  // the weights are (taps channels, O), else (O, taps channels)
  float* out;
  int64_t out_stride, row_step, col_step;

  void run(const Context& ctx) const {
    parallel_for(ctx.threads(), g.pixels(), [&](int64_t pixel) { make(pixel); });
  }

 private:
  void make(int64_t pixel) const {
    const Seen seen(g, pixel);
    float* to = out + pixel / g.out_cols * row_step + pixel % g.out_cols * col_step;
    const int64_t n = x->rows(), depth = seen.along.size() * g.channels;
    if (depth == 0 || seen.down.size() == 0) {
      for (int64_t r = 0; r < n; ++r) std::fill_n(to + r * out_stride, g.out_channels, 0.0f);
      return;
    }
    for (int64_t i = seen.down.begin; i < seen.down.end; ++i) {
      const int64_t k = seen.tap(g, i) * g.channels;
      gemm({false, !rows_by_tap, n, g.out_channels, depth, 1.0f, x->data() + seen.element(g, i),
            x->stride(), weight + (rows_by_tap ? k * weight_stride : k), weight_stride,
            i == seen.down.begin ? 0.0f : 1.0f, to, out_stride});
    }
  }
};

// The weights of the convolution that makes the pixels of two residues from y, its taps the other
// way round: (taps O, C).
Tensor turned_weights(const Context& ctx, const ConvGeometry& g, const Tensor& weight,
                      int64_t first_row, int64_t rows, int64_t first_col, int64_t cols) {
  Tensor out = Tensor::zeros(rows * cols * g.out_channels, g.channels);
  parallel_for(ctx.threads(), rows * cols, [&](int64_t t) {
    const int64_t i = first_row + (rows - 1 - t / cols) * g.stride_rows;
    const int64_t j = first_col + (cols - 1 - t % cols) * g.stride_cols;
    for (int64_t o = 0; o < g.out_channels; ++o)
      std::copy_n(weight.row(o) + (i * g.kernel_cols + j) * g.channels, g.channels,
                  out.row(t * g.out_channels + o));
  });
  return out;
}

void make_residues(const Context& ctx, const Conv& job, int64_t row_residue, int64_t col_residue) {
  const ConvGeometry& g = job.geometry;
  const StrideResidue down =
      stride_residue(row_residue, g.rows, g.kernel_rows, g.stride_rows, g.top);
  const StrideResidue along =
      stride_residue(col_residue, g.cols, g.kernel_cols, g.stride_cols, g.left);
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
                weight.data(),
                weight.stride(),
                true,
                job.out->data() + (down.first * g.cols + along.first) * g.channels,
                job.out->stride(),
                g.stride_rows * g.cols * g.channels,
                g.stride_cols * g.channels}
      .run(ctx);
}

// Shares of the pixels whose parts of the gradient are added in order.
constexpr int64_t kPixelShares = 4;

void add_pixels(const ConvGeometry& g, const Tensor& y, const Tensor& x, int64_t i, int64_t begin,
                int64_t end, Tensor& part) {
  for (int64_t pixel = begin; pixel < end; ++pixel) {
    const Seen seen(g, pixel);
    if (i < seen.down.begin || i >= seen.down.end) continue;
    gemm({true, false, g.out_channels, seen.along.size() * g.channels, x.rows(), 1.0f,
          y.data() + pixel * g.out_channels, y.stride(), x.data() + seen.element(g, i), x.stride(),
          1.0f, part.data() + seen.tap(g, i) * g.channels, part.stride()});
  }
}

}  // namespace

bool suits_pixels(const ConvGeometry& g, int64_t batch) {
  constexpr int64_t kLeastBatch = 48, kLeastChannels = 32;
  return batch >= kLeastBatch && std::min(g.channels, g.out_channels) >= kLeastChannels;
}

void conv_by_pixel(const Context& ctx, const Conv& job) {
  const ConvGeometry& g = job.geometry;
  const SingleThreadedBlas guard;
  PixelProducts{g,
                job.x,
                job.weight->data(),
                job.weight->stride(),
                false,
                job.out->data(),
                job.out->stride(),
                g.out_cols * g.out_channels,
                g.out_channels}
      .run(ctx);
}

void conv_transposed_by_pixel(const Context& ctx, const Conv& job) {
  const ConvGeometry& g = job.geometry;
  const SingleThreadedBlas guard;
  for (int64_t row = 0; row < g.stride_rows; ++row)
    for (int64_t col = 0; col < g.stride_cols; ++col) make_residues(ctx, job, row, col);
}

void conv_weight_by_pixel(const Context& ctx, const ConvGeometry& g, const Tensor& y,
                          const Tensor& x, Tensor& out) {
  std::vector<Tensor> parts{out};
  while (static_cast<int64_t>(parts.size()) < kPixelShares)
    parts.push_back(Tensor::zeros(out.rows(), out.cols()));
  out.clear();
  const SingleThreadedBlas guard;
  parallel_for(ctx.threads(), kPixelShares * g.kernel_rows, [&](int64_t task) {
    const int64_t s = task / g.kernel_rows;
    add_pixels(g, y, x, task % g.kernel_rows, g.pixels() * s / kPixelShares,
               g.pixels() * (s + 1) / kPixelShares, parts[static_cast<size_t>(s)]);
  });
  add_shares(ctx, parts, out);
}

}  // namespace gibbslab::cpu
