// Where the taps of a convolution lie, for every device.
#pragma once

#include <cstdint>

#include "csrc/core/macros.h"

namespace gibbslab {

// A convolution takes images x to images y, a sample a row, channels last:
//   y[p, q, o] = sum_ijc w[o, i, j, c] x[p stride_rows - top + i, q stride_cols - left + j, c],
// zeros lying around x. Its transpose takes y to x.
struct ConvGeometry {
  int64_t rows, cols, channels;              // of x
  int64_t out_rows, out_cols, out_channels;  // of y
  int64_t kernel_rows, kernel_cols, stride_rows, stride_cols, top, left;

  // Elements of x and y, pixels of y, elements of a row of taps and of all that one pixel sees.
  constexpr int64_t inputs() const { return rows * cols * channels; }
  constexpr int64_t outputs() const { return out_rows * out_cols * out_channels; }
  constexpr int64_t pixels() const { return out_rows * out_cols; }
  constexpr int64_t tap_row() const { return kernel_cols * channels; }
  constexpr int64_t window() const { return kernel_rows * tap_row(); }
};

}  // namespace gibbslab
