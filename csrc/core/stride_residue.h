// Which taps of a convolution reach which pixels of its input, for the transposed one.
#pragma once

#include <cstdint>

#include "csrc/core/convolution.h"
#include "csrc/core/macros.h"

namespace gibbslab {

// Along one side of x: the pixels whose place plus the padding leaves one residue by the stride.
// They are the first and every stride-th from there, `count` of them. `taps` taps reach them, every
// stride-th from the residue on; the k-th pixel is reached by tap t from pixel from + k - t of y.
struct StrideResidue {
  int64_t first, count, taps, from;
};

GIBBSLAB_HD StrideResidue stride_residue(int64_t residue, int64_t size, int64_t kernel,
                                         int64_t stride, int64_t padding) {
  const int64_t first = ((residue - padding) % stride + stride) % stride;
  return {first, first < size ? (size - first + stride - 1) / stride : 0,
          residue < kernel ? (kernel - residue + stride - 1) / stride : 0,
          (first + padding) / stride};
}

// Down the rows and along the columns of a convolution's x.
inline StrideResidue residue_of_rows(const ConvGeometry& g, int64_t residue) {
  return stride_residue(residue, g.rows, g.kernel_rows, g.stride_rows, g.top);
}
inline StrideResidue residue_of_cols(const ConvGeometry& g, int64_t residue) {
  return stride_residue(residue, g.cols, g.kernel_cols, g.stride_cols, g.left);
}

}  // namespace gibbslab
