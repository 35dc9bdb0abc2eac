// Where the factors of a convolution's products lie, for the tiles of conv_tile.cuh: a source knows
// which value of an array belongs to a line of the tile and to a depth, and which are zeros.
#pragma once

#include "csrc/core/stride_residue.h"
#include "kernels/conv.cuh"
#include "kernels/conv_tile.cuh"

namespace gibbslab::cuda {

// Rows W[o, .], of `window` elements; quads: four at a multiple of four are one aligned load.
struct TensorWeights {
  const float* data;
  int64_t stride;
  int rows;
  bool quads;
};

// The pixels of a batch of images (rows, cols) from the first-th on.
class PixelRun {
 public:
  __device__ PixelRun(int64_t first, int rows, int cols)
      : image_(first / (int64_t{rows} * cols)),
        within_(static_cast<int>(first - image_ * rows * cols)),
        size_(rows * cols),
        cols_(cols) {}
  __device__ PixelAt operator[](int i) const {
    const int place = within_ + i, image = place / size_, within = place - image * size_,
              r = within / cols_;
    return {image_ + image, r, within - r * cols_};
  }

 private:
  int64_t image_;
  int within_, size_, cols_;
};

// Element k of what a window with the corner (y, x) sees of a sample; null outside the image.
__device__ __forceinline__ const float* seen(const Images& from, const Taps& taps,
                                             const float* sample, int y, int x, int k) {
  const int tap = k / from.channels, i = tap / taps.kernel_cols, r = y + taps.row(i),
            q = x + tap - i * taps.kernel_cols;
  if (r < 0 || r >= from.rows || q < 0 || q >= from.cols) return nullptr;
  return sample + (int64_t{r} * from.cols + q) * from.channels + (k - tap * from.channels);
}

// Line: a pixel of y; depth: the elements of x that it sees.
template <class P>
struct WindowSource {
  const Images& from;
  const Taps& taps;
  int window;
  const float* data;
  bool quads;
  const float* sample[P::kQuads];  // null beyond the last pixel
  int y[P::kQuads], x[P::kQuads];

  __device__ WindowSource(const Images& images, const Taps& of, int size, const PixelRun& run,
                          int64_t left)
      : from(images), taps(of), window(size), data(images.data), quads(images.quads) {
#pragma unroll
    for (int i = 0; i < P::kQuads; ++i) {
      const PixelAt at = run[P::line(i)];
      sample[i] = P::line(i) < left ? from.data + at.n * from.stride : nullptr;
      y[i] = at.r * taps.stride_rows - taps.top;
      x[i] = at.q * taps.stride_cols - taps.left;
    }
  }
  __device__ __forceinline__ const float* at(int i, int depth, int e) const {
    if (sample[i] == nullptr || depth + e >= window) return nullptr;
    return seen(from, taps, sample[i], y[i], x[i], depth + e);
  }
};

// Line: a row of W; depth: its elements.
template <class P>
struct WeightSource {
  const float* data;
  bool quads;
  int64_t stride;
  int first, rows, window;

  __device__ __forceinline__ const float* at(int i, int depth, int e) const {
    const int o = first + P::line(i);
    return o < rows && depth + e < window ? data + o * stride + depth + e : nullptr;
  }
};

// What the pixels of x that have one residue by the strides are reached by: taps, and of each the
// channels of y, in whole groups of four.
struct Reach {
  int across, groups, depth;
  __device__ Reach(const StrideResidue& v, const StrideResidue& h, int channels)
      : across(static_cast<int>(h.taps)),
        groups((channels + 3) / 4),
        depth(4 * groups * static_cast<int>(v.taps) * across) {}
  struct Tap {
    int i, j, channel;
  };
  __device__ __forceinline__ Tap operator[](int d) const {
    const int tap = d / 4 / groups, i = tap / across;
    return {i, tap - i * across, d - 4 * groups * tap};
  }
};

// Line: a pixel of x; depth: the elements of y that reach it.
template <class P>
struct ReachSource {
  const Images& from;
  const Reach& reach;
  const float* data;
  bool quads;
  const float* sample[P::kQuads];  // null beyond the last pixel
  int p[P::kQuads], q[P::kQuads];

  __device__ ReachSource(const Images& images, const Reach& by, const PixelRun& run, int64_t left,
                         const StrideResidue& v, const StrideResidue& h)
      : from(images), reach(by), data(images.data), quads(images.quads) {
#pragma unroll
    for (int i = 0; i < P::kQuads; ++i) {
      const PixelAt at = run[P::line(i)];
      sample[i] = P::line(i) < left ? from.data + at.n * from.stride : nullptr;
      p[i] = static_cast<int>(v.from) + at.r;
      q[i] = static_cast<int>(h.from) + at.q;
    }
  }
  __device__ __forceinline__ const float* at(int i, int depth, int e) const {
    if (sample[i] == nullptr || depth >= reach.depth) return nullptr;
    const Reach::Tap tap = reach[depth];
    const int row = p[i] - tap.i, col = q[i] - tap.j, o = tap.channel + e;
    if (row < 0 || row >= from.rows || col < 0 || col >= from.cols || o >= from.channels)
      return nullptr;
    return sample[i] + (int64_t{row} * from.cols + col) * from.channels + o;
  }
};

// Line: a channel of x; depth: the weights by which y reaches it.
template <class P>
struct ReachWeightSource {
  const TensorWeights& w;
  const Taps& taps;
  const Reach& reach;
  const float* data;
  bool quads;
  int first, channels, row_residue, col_residue;

  __device__ __forceinline__ const float* at(int i, int depth, int e) const {
    const int c = first + P::line(i) + e;
    if (c >= channels || depth >= reach.depth) return nullptr;
    const Reach::Tap tap = reach[depth];
    if (tap.channel >= w.rows) return nullptr;
    const int row = taps.row(row_residue + tap.i * taps.stride_rows),
              col = col_residue + tap.j * taps.stride_cols;
    return data + tap.channel * w.stride + (row * taps.kernel_cols + col) * channels + c;
  }
};

// Line: a channel of y; depth: the pixels of a share.
template <class P>
struct PixelSource {
  const Images& from;
  const PixelRun& run;
  const float* data;
  bool quads;
  int first, pixels;

  __device__ __forceinline__ const float* at(int i, int depth, int e) const {
    const int o = first + P::line(i) + e;
    if (o >= from.channels || depth >= pixels) return nullptr;
    const PixelAt at = run[depth];
    return data + at.n * from.stride + (int64_t{at.r} * from.cols + at.q) * from.channels + o;
  }
};

// Line: an element of a window; depth: the pixels of a share.
template <class P>
struct SeenSource {
  const Images& from;
  const Taps& taps;
  const PixelRun& run;
  const float* data;
  bool quads;
  int first, window, pixels;

  __device__ __forceinline__ const float* at(int i, int depth, int e) const {
    const int k = first + P::line(i) + e;
    if (k >= window || depth >= pixels) return nullptr;
    const PixelAt at = run[depth];
    return seen(from, taps, data + at.n * from.stride, at.r * taps.stride_rows - taps.top,
                at.q * taps.stride_cols - taps.left, k);
  }
};

}  // namespace gibbslab::cuda
