// What the ways to convolve have in common: the taps that lie inside an image, and sums of what
// shares of the samples, or of the pixels, add to a gradient.
#pragma once

#include <algorithm>
#include <vector>

#include "csrc/core/context.h"
#include "csrc/core/faults.h"
#include "csrc/core/tensor.h"
#include "csrc/cpu/shares.h"
#include "csrc/ops/conv.h"

namespace gibbslab::cpu {

// Taps [begin, end) of a side that lie inside the image.
struct Span {
  int64_t begin, end;
  int64_t size() const { return end - begin; }
};
inline Span taps_inside(int64_t corner, int64_t kernel, int64_t size) {
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

// `out` and as many like it as make `count` in all, whose elements are not set.
inline std::vector<Tensor> shares_of(const Tensor& out, int64_t count) {
  std::vector<Tensor> parts{out};
  while (static_cast<int64_t>(parts.size()) < count)
    parts.push_back(Tensor::empty(out.rows(), out.cols()));
  return parts;
}

// out, which is the first of `parts`, becomes the sum of all, added in order.
inline void add_shares(const Context& ctx, const std::vector<Tensor>& parts, Tensor& out) {
  const size_t count = parts.size() - (fault("conv_share_left_out") ? 1 : 0);
  for_rows(ctx.threads(), out.rows(), 8, [&](int64_t r) {
    for (size_t s = 1; s < count; ++s)
      for (int64_t c = 0; c < out.cols(); ++c) out.row(r)[c] += parts[s].row(r)[c];
  });
}

}  // namespace gibbslab::cpu
