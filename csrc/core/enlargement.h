// How images are enlarged by whole factors, for every device.
#pragma once

#include <cstdint>

#include "csrc/core/macros.h"

namespace gibbslab {

// From images (rows, cols, channels) to (row_factor rows, col_factor cols, channels).
struct Enlargement {
  int64_t rows, cols, channels, row_factor, col_factor;
  bool bilinear;  // else each pixel is repeated

  constexpr int64_t inputs() const { return rows * cols * channels; }
  constexpr int64_t outputs() const { return row_factor * col_factor * inputs(); }
};

// What a pixel takes along one side: `share` of the second, the rest of the first.
struct TwoPixels {
  int64_t first, second;
  float share;
};

// Pixel centres lie at half-integers: that of `out` is at (out + 1/2) / factor of the small image,
// whose borders repeat outwards.
GIBBSLAB_HD TwoPixels sources_of(int64_t out, int64_t size, int64_t factor, bool bilinear) {
  if (!bilinear) return {out / factor, out / factor, 0.0f};
  const int64_t place = 2 * out + 1 - factor, step = 2 * factor;  // place / step from the first
  if (place <= 0) return {0, 0, 0.0f};
  const int64_t first = place / step;
  if (first + 1 >= size) return {size - 1, size - 1, 0.0f};
  return {first, first + 1, static_cast<float>(place - first * step) / static_cast<float>(step)};
}

// How much of pixel `in` goes into `out`.
GIBBSLAB_HD float share_of(int64_t in, int64_t out, int64_t size, int64_t factor, bool bilinear) {
  const TwoPixels from = sources_of(out, size, factor, bilinear);
  return (from.first == in ? 1.0f - from.share : 0.0f) + (from.second == in ? from.share : 0.0f);
}

// The pixels [begin, end) that pixel `in` may go into.
struct PixelRange {
  int64_t begin, end;
};
GIBBSLAB_HD PixelRange reach_of(int64_t in, int64_t size, int64_t factor, bool bilinear) {
  if (!bilinear) return {in * factor, (in + 1) * factor};
  return {in > 0 ? (in - 1) * factor : 0, in + 2 < size ? (in + 2) * factor : size * factor};
}

}  // namespace gibbslab
