#include "csrc/ops/conv.h"

#include <algorithm>
#include <vector>

#include "csrc/core/faults.h"
#include "csrc/core/thread_pool.h"
#include "csrc/cpu/blas.h"
#include "csrc/cpu/conv_by_frequency.h"
#include "csrc/cpu/conv_by_pixel.h"
#include "csrc/cpu/conv_finish.h"
#include "csrc/cpu/conv_shares.h"
#include "csrc/cpu/cpu_ops.h"
#include "csrc/cpu/scratch.h"
#include "csrc/cpu/shares.h"

namespace gibbslab::cpu {
namespace {

// Pixels that are multiplied together: their windows, side by side, are a matrix that stays in the
// second-level cache, and the weights are packed once for all of them.
constexpr int64_t kPanelPixels = 256;
constexpr int kWindowsSlot = 4, kPixelsSlot = 5;

float* scratch_floats(int slot, int64_t count) {
  return static_cast<float*>(scratch(slot, count * static_cast<int64_t>(sizeof(float))));
}

// Pixels of y that are multiplied together: all those of `samples` samples from `sample` on, or of
// one sample `pixels` of them from `pixel` on.
struct Panel {
  int64_t sample, samples, pixel, pixels;
  int64_t rows() const { return samples * pixels; }
};

// Whole samples that a task takes, fixed by the shape: results do not depend on the threads.
struct Groups {
  Groups(const ConvGeometry& g, int64_t n)
      : batch(n), size(std::max<int64_t>(1, kPanelPixels / g.pixels())), pixels(g.pixels()) {}
  int64_t count() const { return (batch + size - 1) / size; }

  // The panels of samples [begin, end), in order.
  template <class Body>
  void for_panels(int64_t begin, int64_t end, const Body& body) const {
    for (int64_t n = begin; n < end; n += size) {
      if (size > 1) {
        body(Panel{n, std::min(size, end - n), 0, pixels});
        continue;
      }
      for (int64_t p = 0; p < pixels; p += kPanelPixels)
        body(Panel{n, 1, p, std::min(kPanelPixels, pixels - p)});
    }
  }
  template <class Body>
  void for_panels(int64_t group, const Body& body) const {
    for_panels(group * size, std::min(batch, (group + 1) * size), body);
  }

  int64_t batch, size, pixels;
};

// Rows [first, last) of the taps.
struct Taps {
  int64_t first, last;
};

// Calls body(image's element, window's element, count) for each run of elements of x that the
// pixels of a panel see through the taps, and blank(window's element, count) for what lies outside;
// the windows are rows `stride` apart.
template <class Body, class Blank>
void for_runs(const ConvGeometry& g, const Taps& taps, int64_t pixel, int64_t pixels,
              int64_t stride, const Body& body, const Blank& blank) {
  const int64_t c = g.channels, row = g.tap_row();
  for (int64_t k = 0; k < pixels; ++k) {
    const Seen seen(g, pixel + k);
    const auto [begin, end] = seen.along;
    for (int64_t i = taps.first; i < taps.last; ++i) {
      const int64_t to = k * stride + (i - taps.first) * row;
      const int64_t r = seen.row + (fault("conv_taps_mirrored") ? g.kernel_rows - 1 - i : i);
      if (r < 0 || r >= g.rows || begin == end) {
        blank(to, row);
        continue;
      }
      if (begin > 0) blank(to, begin * c);
      body((r * g.cols + seen.col + begin) * c, to + begin * c, (end - begin) * c);
      if (end < g.kernel_cols) blank(to + end * c, row - end * c);
    }
  }
}

void gather_windows(const ConvGeometry& g, const Tensor& x, const Panel& at, const Taps& taps,
                    float* windows, int64_t stride) {
  for (int64_t n = 0; n < at.samples; ++n, windows += at.pixels * stride) {
    const float* from = x.row(at.sample + n);
    for_runs(
        g, taps, at.pixel, at.pixels, stride,
        [&](int64_t element, int64_t to, int64_t count) {
          std::copy_n(from + element, count, windows + to);
        },
        [&](int64_t to, int64_t count) { std::fill_n(windows + to, count, 0.0f); });
  }
}

void add_windows(const ConvGeometry& g, const float* windows, int64_t stride, const Panel& at,
                 Tensor& x) {
  for (int64_t n = 0; n < at.samples; ++n, windows += at.pixels * stride) {
    float* to = x.row(at.sample + n);
    for_runs(
        g, {0, g.kernel_rows}, at.pixel, at.pixels, stride,
        [&](int64_t element, int64_t from, int64_t count) {
          for (int64_t e = 0; e < count; ++e) to[element + e] += windows[from + e];
        },
        [](int64_t, int64_t) {});
  }
}

// The pixels of a panel one after the other, (rows, channels): where they lie, or a copy.
const float* pixels_of(const ConvGeometry& g, const Tensor& y, const Panel& at) {
  if (at.samples == 1) return y.row(at.sample) + at.pixel * g.out_channels;
  float* out = scratch_floats(kPixelsSlot, at.rows() * g.out_channels);
  for (int64_t n = 0; n < at.samples; ++n)
    std::copy_n(y.row(at.sample + n), g.outputs(), out + n * g.outputs());
  return out;
}

void multiply_windows(const Conv& job, const Panel& at) {
  const ConvGeometry& g = job.geometry;
  const int64_t stride = padded_stride(g.window()), o = g.out_channels;
  float* windows = scratch_floats(kWindowsSlot, at.rows() * stride);
  gather_windows(g, *job.x, at, {0, g.kernel_rows}, windows, stride);
  const bool in_place = at.samples == 1;
  float* out = in_place ? job.out->row(at.sample) + at.pixel * o
                        : scratch_floats(kPixelsSlot, at.rows() * o);
  gemm({false, true, at.rows(), o, g.window(), 1.0f, windows, stride, job.weight->data(),
        job.weight->stride(), 0.0f, out, o});
  for (int64_t n = 0; n < at.samples && !in_place; ++n)
    std::copy_n(out + n * g.outputs(), g.outputs(), job.out->row(at.sample + n));
}

void spread_pixels(const Conv& job, const Panel& at) {
  const ConvGeometry& g = job.geometry;
  const int64_t stride = padded_stride(g.window()), o = g.out_channels;
  const float* pixels = pixels_of(g, *job.x, at);
  float* windows = scratch_floats(kWindowsSlot, at.rows() * stride);
  gemm({false, false, at.rows(), g.window(), o, 1.0f, pixels, o, job.weight->data(),
        job.weight->stride(), 0.0f, windows, stride});
  add_windows(g, windows, stride, at, *job.out);
}

// What a share of the samples and a share of the taps add to the gradient by the weights.
struct WeightPieces {
  WeightPieces(const ConvGeometry& g, int64_t batch)
      : tap_rows(std::clamp<int64_t>(kLeastColumns / g.tap_row(), 1, g.kernel_rows)),
        blocks((g.kernel_rows + tap_rows - 1) / tap_rows),
        shares(std::clamp<int64_t>(batch * g.pixels() / kSharePixels, 1,
                                   std::min<int64_t>(kMostShares, batch))) {}
  int64_t tap_rows, blocks, shares;

 private:
  static constexpr int64_t kLeastColumns = 256, kSharePixels = 1024, kMostShares = 8;
};

// Channels (O, taps) of `out`, whose rows are `stride` apart, from the samples of a share.
void weight_piece(const ConvGeometry& g, const Tensor& y, const Tensor& x, const Taps& taps,
                  int64_t begin, int64_t end, float* out, int64_t stride) {
  const int64_t width = (taps.last - taps.first) * g.tap_row(), pitch = padded_stride(width);
  float beta = 0.0f;
  Groups(g, end).for_panels(begin, end, [&](const Panel& at) {
    float* windows = scratch_floats(kWindowsSlot, at.rows() * pitch);
    gather_windows(g, x, at, taps, windows, pitch);
    gemm({true, false, g.out_channels, width, at.rows(), 1.0f, pixels_of(g, y, at), g.out_channels,
          windows, pitch, beta, out, stride});
    beta = 1.0f;
  });
}

struct CpuConv : ConvOps {
  void forward(const Context& ctx, const Conv& job) override {
    if (suits_frequencies(job.geometry, *job.x, *job.weight)) return conv_by_frequency(ctx, job);
    if (suits_pixels(job.geometry, *job.x, *job.weight)) return conv_by_pixel(ctx, job);
    run(ctx, job, job.geometry.out_channels, [&](const Panel& at) { multiply_windows(job, at); });
  }

  void transposed(const Context& ctx, const Conv& job) override {
    if (suits_frequencies(job.geometry, *job.x, *job.weight))
      return conv_transposed_by_frequency(ctx, job);
    if (suits_pixels(job.geometry, *job.x, *job.weight)) return conv_transposed_by_pixel(ctx, job);
    job.out->clear();
    run(ctx, job, job.geometry.channels, [&](const Panel& at) { spread_pixels(job, at); });
  }

  void weight_gradient(const Context& ctx, const ConvGeometry& g, const Tensor& y, const Tensor& x,
                       Tensor& out) override {
    const int64_t n = y.rows();
    if (suits_frequencies(g, y, x)) return conv_weight_by_frequency(ctx, g, y, x, out);
    if (suits_pixels(g, y, x)) return conv_weight_by_pixel(ctx, g, y, x, out);
    const WeightPieces pieces(g, n);
    const std::vector<Tensor> parts = shares_of(out, pieces.shares);
    const SingleThreadedBlas guard;
    parallel_for(ctx.threads(), pieces.shares * pieces.blocks, [&](int64_t i) {
      const int64_t s = i / pieces.blocks, first = i % pieces.blocks * pieces.tap_rows;
      const Taps taps{first, std::min(g.kernel_rows, first + pieces.tap_rows)};
      Tensor part = parts[static_cast<size_t>(s)];
      weight_piece(g, y, x, taps, n * s / pieces.shares, n * (s + 1) / pieces.shares,
                   part.data() + first * g.tap_row(), part.stride());
    });
    add_shares(ctx, parts, out);
  }

  void swap_axes(const Context& ctx, const Tensor& x, int64_t rows, int64_t cols,
                 Tensor& out) override {
    parallel_for(ctx.threads(), x.rows(), [&](int64_t n) {
      const float* from = x.row(n);
      float* to = out.row(n);
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < cols; ++c) to[c * rows + r] = from[r * cols + c];
    });
  }

 private:
  // Every panel; a sample is finished when its panels are done.
  template <class Body>
  static void run(const Context& ctx, const Conv& job, int64_t channels, const Body& panel) {
    const Groups groups(job.geometry, job.x->rows());
    ConvFinish finish(job, channels, groups.count());
    const SingleThreadedBlas guard;
    parallel_for(ctx.threads(), groups.count(), [&](int64_t i) {
      groups.for_panels(i, [&](const Panel& at) { panel(at); });
      for (int64_t n = i * groups.size; n < std::min(groups.batch, (i + 1) * groups.size); ++n)
        finish.sample(i, n);
    });
    finish.end();
  }
};

}  // namespace

ConvOps& conv_ops() {
  static CpuConv ops;
  return ops;
}

}  // namespace gibbslab::cpu
