// What the kernels of convolutions share (conv.cu, conv_tensor.cu): images and taps as they find
// them, and how the products are computed.
#pragma once

#include <cuda_runtime.h>

#include "csrc/core/faults.h"
#include "csrc/core/stride_residue.h"
#include "csrc/ops/conv.h"

namespace gibbslab::cuda {

// Images in the rows of a batch.
struct Images {
  const float* data;
  int64_t stride;
  int rows, cols, channels;
  bool quads;  // four channels at a multiple of four are one aligned load

  // Channels c ... c + 3 of a pixel of sample n, zeros outside the image.
  __device__ float4 load(int64_t n, int r, int q, int c) const {
    if (r < 0 || r >= rows || q < 0 || q >= cols) return {};
    const float* at = data + n * stride + (int64_t{r} * cols + q) * channels + c;
    if (quads) return *reinterpret_cast<const float4*>(at);
    const int left = channels - c;
    return {at[0], left > 1 ? at[1] : 0.0f, left > 2 ? at[2] : 0.0f, left > 3 ? at[3] : 0.0f};
  }
  __device__ float one(int64_t n, int r, int q, int c) const {
    if (r < 0 || r >= rows || q < 0 || q >= cols) return 0.0f;
    return data[n * stride + (int64_t{r} * cols + q) * channels + c];
  }
};

// A pixel of a batch: of sample n.
struct PixelAt {
  int64_t n;
  int r, q;
};

// Taps and strides in 32 bits.
struct Taps {
  int kernel_rows, kernel_cols, stride_rows, stride_cols, top, left;

  __device__ int row(int tap) const {
    return fault("conv_taps_mirrored") ? kernel_rows - 1 - tap : tap;
  }
  // Residues by the strides of the block's pixels in a transposed convolution, and what they stand
  // for in an image of `rows` by `cols` pixels.
  __device__ int row_residue() const { return static_cast<int>(blockIdx.z) / stride_cols; }
  __device__ int col_residue() const { return static_cast<int>(blockIdx.z) % stride_cols; }
  __device__ StrideResidue rows_of(int residue, int rows) const {
    return stride_residue(residue, rows, kernel_rows, stride_rows, top);
  }
  __device__ StrideResidue cols_of(int residue, int cols) const {
    return stride_residue(residue, cols, kernel_cols, stride_cols, left);
  }
};

inline int whole(int64_t n) { return static_cast<int>(n); }

inline Images images(const Tensor& x, int64_t rows, int64_t cols, int64_t channels) {
  return {x.data(),    x.stride(),      whole(rows),
          whole(cols), whole(channels), channels % 4 == 0 && x.padded()};
}
inline Images inputs(const ConvGeometry& g, const Tensor& x) {
  return images(x, g.rows, g.cols, g.channels);
}
inline Images outputs(const ConvGeometry& g, const Tensor& y) {
  return images(y, g.out_rows, g.out_cols, g.out_channels);
}

inline Taps taps(const ConvGeometry& g) {
  return {whole(g.kernel_rows), whole(g.kernel_cols), whole(g.stride_rows),
          whole(g.stride_cols), whole(g.top),         whole(g.left)};
}

// The most pixels of an image that one residue by the strides can have.
inline int64_t most_of_residue(const ConvGeometry& g) {
  return ((g.rows + g.stride_rows - 1) / g.stride_rows) *
         ((g.cols + g.stride_cols - 1) / g.stride_cols);
}

// How products are computed: strict float32, or on tensor cores, whose factors are rounded to TF32
// (10 bits of mantissa) or bf16 (7) and whose sums are float32.
enum class ConvArithmetic { kFp32, kTf32, kBf16 };

// GIBBSLAB_CUDA_CONVOLUTIONS = fp32 | tf32 | bf16; float32 where it is not set. DeviceError for
// another value, and where the card lacks what it asks for (before compute capability 8.0).
ConvArithmetic conv_arithmetic();

// The operations of ConvOps on tensor cores; `how` is not kFp32.
void conv_forward_tensor(const Conv& job, ConvArithmetic how);
void conv_transposed_tensor(const Conv& job, ConvArithmetic how);

// The gradient by the weights: part (shares, O, window), rows `stride` apart, is that of `share`
// pixels of y each.
struct ConvShares {
  int64_t pixels, share, shares;
  float* part;
  int64_t stride;
};
void conv_weight_tensor(const ConvGeometry& g, const Tensor& y, const Tensor& x,
                        const ConvShares& to, ConvArithmetic how);

}  // namespace gibbslab::cuda
