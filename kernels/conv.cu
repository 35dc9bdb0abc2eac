// Convolutions of images (csrc/ops/conv.h) as products whose factors are gathered while they are
// multiplied: nothing is laid out in between.
//
//   forward          y[m, o] = f(sum_k window(x)[m, k] W[o, k] + b[o])
//                    m a pixel of y, k = (i, j, c)
//   transposed       x[m, c] = f(sum_d y[seen by m, o] W[o, (i, j, c)] + b[c])
//                    m a pixel of x whose place has one residue by the strides,
//                    d = (i, j, o) over the taps of that residue
//   both             f(norm(sum + b)), or the moments of sum + b: see conv_epilogue.cuh
//   weight_gradient  W[o, k] = sum_m y[m, o] window(x)[m, k], shares of m added in order
//   swap_axes        each row, a matrix, transposed
//
// Images lie in rows of the batch, channels last. A block owns 32 x 32 results, see gibbs_tile.cuh:
// blockIdx.x counts tiles of pixels (of taps in the gradient), y those of channels, z the residues
// or the shares. A thread brings four neighbours along the channels where those are multiples of
// four. Where the user allows rounded factors, the products are those of conv_tensor.cu.
#include <algorithm>

#include "csrc/core/functions.h"
#include "kernels/conv.cuh"
#include "kernels/conv_epilogue.cuh"
#include "kernels/device.cuh"
#include "kernels/gibbs_tile.cuh"
#include "kernels/launch.cuh"
#include "kernels/rows.cuh"

namespace gibbslab::cuda {
namespace {

// Of one share of the gradient by the weights; a multiple of the tile.
constexpr int64_t kSharePixels = 512, kMostShares = 32;

// Rows W[o, .], of `window` elements.
struct ConvWeights {
  const float* data;
  int64_t stride;
  bool quads;

  // Elements k ... k + 3 of row o that lie before `end`.
  __device__ float4 load(int64_t o, int64_t k, int64_t end) const {
    const float* at = data + o * stride + k;
    if (quads && k + 4 <= end) return *reinterpret_cast<const float4*>(at);
    return {k < end ? at[0] : 0.0f, k + 1 < end ? at[1] : 0.0f, k + 2 < end ? at[2] : 0.0f,
            k + 3 < end ? at[3] : 0.0f};
  }
};

// ------------------------------------------------------------------------------------ kernels

// Elements k ... k + 3 of what pixel (y, x), the window's corner, sees of sample n.
__device__ __forceinline__ float4 window_quad(const Images& from, const Taps& taps, int64_t n,
                                              int y, int x, int k, int window) {
  if (k >= window) return {};
  if (from.quads) {
    const int tap = k / from.channels, i = tap / taps.kernel_cols;
    return from.load(n, y + taps.row(i), x + tap - i * taps.kernel_cols, k % from.channels);
  }
  float out[4] = {};
#pragma unroll
  for (int e = 0; e < 4; ++e) {
    if (k + e >= window) break;
    const int tap = (k + e) / from.channels, i = tap / taps.kernel_cols;
    out[e] = from.one(n, y + taps.row(i), x + tap - i * taps.kernel_cols, (k + e) % from.channels);
  }
  return {out[0], out[1], out[2], out[3]};
}

// The m-th pixel of a batch of images (rows, cols).
__device__ __forceinline__ PixelAt pixel_at(int64_t m, int rows, int cols) {
  const int64_t n = m / (rows * cols);
  const int within = static_cast<int>(m - n * (rows * cols)), r = within / cols;
  return {n, r, within - r * cols};
}

// Pixels of this block's tile.
__device__ __forceinline__ int rows_of_tile(int64_t pixels) {
  const int64_t left = pixels - int64_t{blockIdx.x} * kTile;
  return left >= kTile ? kTile : static_cast<int>(left);
}

template <class F>
__global__ void __launch_bounds__(kThreads, 2)
    conv_forward_kernel(const Images x, const ConvWeights w, const Taps taps, const ConvOutput out,
                        int out_rows, int out_cols, int64_t pixels) {
  __shared__ TileMemory memory;
  const int slow = threadIdx.x / 8, fast = 4 * (threadIdx.x % 8);
  const int64_t m = int64_t{blockIdx.x} * kTile + slow, channel = int64_t{blockIdx.y} * kTile;
  const PixelAt at = pixel_at(m < pixels ? m : 0, out_rows, out_cols);
  const int window = taps.kernel_rows * taps.kernel_cols * x.channels;
  const int y0 = at.r * taps.stride_rows - taps.top, x0 = at.q * taps.stride_cols - taps.left;
  const auto fetch = [&](int64_t chunk) {
    const int k = static_cast<int>(chunk) * kTile + fast;
    Quads quads{};
    if (m < pixels) quads.a = window_quad(x, taps, at.n, y0, x0, k, window);
    if (channel + slow < out.channels) quads.b = w.load(channel + slow, k, window);
    return quads;
  };
  const float4 result = finished<F>(
      out, channel + fast, tile_product<true, true>(memory, (window + kTile - 1) / kTile, fetch));
  if (m < pixels) put_pixel(out, at.n, at.r * out_cols + at.q, channel + fast, result);
  if (out.parts != nullptr)
    put_moments(memory, out, blockIdx.x, channel, rows_of_tile(pixels), result);
}

template <class F>
__global__ void __launch_bounds__(kThreads, 2)
    conv_transposed_kernel(const Images y, const ConvWeights w, const Taps taps,
                           const ConvOutput out, int rows, int cols, int64_t batch) {
  __shared__ TileMemory memory;
  const int slow = threadIdx.x / 8, fast = 4 * (threadIdx.x % 8);
  const int row_residue = taps.row_residue(), col_residue = taps.col_residue();
  const StrideResidue v = taps.rows_of(row_residue, rows), h = taps.cols_of(col_residue, cols);
  const int64_t pixels = batch * v.count * h.count;
  const int64_t m = int64_t{blockIdx.x} * kTile + slow, channel = int64_t{blockIdx.y} * kTile;
  const int64_t part = int64_t{blockIdx.z} * gridDim.x + blockIdx.x;
  if (int64_t{blockIdx.x} * kTile >= pixels) {
    if (out.parts != nullptr) put_moments(memory, out, part, channel, 0, {});
    return;
  }
  const PixelAt at =
      pixel_at(m < pixels ? m : 0, static_cast<int>(v.count), static_cast<int>(h.count));
  const int p = static_cast<int>(v.from) + at.r, q = static_cast<int>(h.from) + at.q;
  // Four channels of y at a time, none beyond the last.
  const int across = static_cast<int>(h.taps), quads = (y.channels + 3) / 4,
            depth = 4 * quads * static_cast<int>(v.taps) * across;
  const auto fetch = [&](int64_t chunk) {
    Quads brought{};
    const int a = static_cast<int>(chunk) * kTile + fast,
              b = static_cast<int>(chunk) * kTile + slow;
    if (m < pixels && a < depth) {
      const int tap = a / 4 / quads, i = tap / across;
      brought.a = y.load(at.n, p - i, q - (tap - i * across), a - 4 * quads * tap);
    }
    const int tap = b / 4 / quads, i = tap / (across > 0 ? across : 1), o = b - 4 * quads * tap;
    if (b < depth && o < y.channels) {
      const int row = taps.row(row_residue + i * taps.stride_rows);
      const int column = col_residue + (tap - i * across) * taps.stride_cols;
      const int start = (row * taps.kernel_cols + column) * out.channels;
      if (channel + fast < out.channels)
        brought.b = w.load(o, start + channel + fast, start + out.channels);
    }
    return brought;
  };
  const float4 result = finished<F>(
      out, channel + fast, tile_product<true, false>(memory, (depth + kTile - 1) / kTile, fetch));
  const int64_t row = v.first + at.r * taps.stride_rows, col = h.first + at.q * taps.stride_cols;
  if (m < pixels) put_pixel(out, at.n, row * cols + col, channel + fast, result);
  if (out.parts != nullptr) put_moments(memory, out, part, channel, rows_of_tile(pixels), result);
}

// part (shares, O, window), or the result where there is one share; rows `stride` apart.
__global__ void __launch_bounds__(kThreads, 2)
    conv_weight_kernel(const Images y, const Images x, const Taps taps, int64_t pixels,
                       int64_t share, float* part, int64_t stride) {
  __shared__ TileMemory memory;
  const int slow = threadIdx.x / 8, fast = 4 * (threadIdx.x % 8);
  const int window = taps.kernel_rows * taps.kernel_cols * x.channels;
  const int k = static_cast<int>(blockIdx.x) * kTile + fast, channel = blockIdx.y * kTile;
  const int64_t begin = int64_t{blockIdx.z} * share;
  const int64_t end = begin + share < pixels ? begin + share : pixels;
  const auto fetch = [&](int64_t chunk) {
    Quads quads{};
    const int64_t m = begin + chunk * kTile + slow;
    if (m >= end) return quads;
    const PixelAt at = pixel_at(m, y.rows, y.cols);
    if (channel + fast < y.channels) quads.a = y.load(at.n, at.r, at.q, channel + fast);
    quads.b = window_quad(x, taps, at.n, at.r * taps.stride_rows - taps.top,
                          at.q * taps.stride_cols - taps.left, k, window);
    return quads;
  };
  const float4 sum = tile_product<false, false>(memory, (end - begin + kTile - 1) / kTile, fetch);
  if (channel + slow >= y.channels) return;
  float* to = part + (int64_t{blockIdx.z} * y.channels + channel + slow) * stride;
  const float values[4] = {sum.x, sum.y, sum.z, sum.w};
#pragma unroll
  for (int e = 0; e < 4; ++e)
    if (k + e < window) to[k + e] = values[e];
}

// out (O, window) = the sum of the parts, in order; a thread an element of every row that it meets.
__global__ void add_conv_parts(const float* part, int64_t shares, int64_t stride, Output out,
                               int64_t rows) {
  const int64_t k = along_row();
  if (k >= out.cols) return;
  if (fault("conv_share_left_out")) --shares;
  for (int64_t o = first_row(); o < rows; o += row_step()) {
    float sum = 0.0f;
    for (int64_t s = 0; s < shares; ++s) sum += part[(s * rows + o) * stride + k];
    out.row(o)[k] = sum;
  }
}

__global__ void swap_axes_rows(Input x, int64_t rows, int64_t cols, Output out, int64_t batch) {
  const int64_t at = along_row();
  if (at >= out.cols) return;
  const int64_t c = at / rows, r = at - c * rows;
  for (int64_t n = first_row(); n < batch; n += row_step()) out.row(n)[at] = x.row(n)[r * cols + c];
}

// ---------------------------------------------------------------------------------- launchers

ConvWeights weights(const Conv& job) {
  const Tensor& w = *job.weight;
  return {w.data(), w.stride(), w.padded() && job.geometry.channels % 4 == 0};
}

// The parts of the moments that the blocks of a grid make, where they are wanted.
class Parts {
 public:
  Parts(const Conv& job, const dim3& grid, int64_t channels)
      : job_(job),
        channels_(channels),
        count_(job.mean != nullptr ? int64_t{grid.x} * grid.z : 0),
        parts_(count_ == 0 ? 1 : 3 * count_ * channels) {}

  ConvOutput output() const {
    return {job_.out->data(),
            job_.out->stride(),
            whole(channels_),
            job_.bias != nullptr ? job_.bias->data() : nullptr,
            job_.activation.alpha,
            job_.norm != nullptr ? view(*job_.norm) : ChannelView{},
            count_ == 0 ? nullptr : parts_.get()};
  }
  void merge() const {
    if (count_ > 0)
      launch(merge_parts, dim3(pieces(channels_, 32)), dim3(32, kRowGroups), 0, stream(),
             parts_.get(), count_, channels_, job_.mean->data(), job_.variance->data());
  }

 private:
  const Conv& job_;
  int64_t channels_, count_;
  Scratch<double> parts_;
};

// On tensor cores normalisation and moments take a pass of their own.
void convolve_on_tensor_cores(const Context& ctx, const Conv& job, ConvArithmetic how,
                              bool transposed) {
  Conv product = job;
  product.norm = nullptr;
  product.mean = product.variance = nullptr;
  if (job.norm != nullptr) product.activation = {};
  (transposed ? conv_transposed_tensor : conv_forward_tensor)(product, how);
  if (job.norm != nullptr) norm_ops().forward(ctx, {job.out, *job.norm, job.activation, job.out});
  if (job.mean != nullptr) norm_ops().moments(ctx, *job.out, *job.mean, *job.variance);
}

void launch_weight_product(const ConvGeometry& g, const Tensor& y, const Tensor& x,
                           const ConvShares& to) {
  const ConvArithmetic how = conv_arithmetic();
  if (how != ConvArithmetic::kFp32) return conv_weight_tensor(g, y, x, to, how);
  launch(conv_weight_kernel,
         dim3(pieces(g.window(), kTile), pieces(g.out_channels, kTile),
              static_cast<unsigned>(to.shares)),
         dim3(kThreads), 0, stream(), outputs(g, y), inputs(g, x), taps(g), to.pixels, to.share,
         to.part, to.stride);
}

struct CudaConv : ConvOps {
  void forward(const Context& ctx, const Conv& job) override {
    const ConvArithmetic how = conv_arithmetic();
    if (how != ConvArithmetic::kFp32) return convolve_on_tensor_cores(ctx, job, how, false);
    const ConvGeometry& g = job.geometry;
    const int64_t pixels = job.x->rows() * g.pixels();
    const dim3 grid(pieces(pixels, kTile), pieces(g.out_channels, kTile));
    const Parts parts(job, grid, g.out_channels);
    visit_activation(job.activation.kind, [&](auto f) {
      launch(conv_forward_kernel<decltype(f)>, grid, dim3(kThreads), 0, stream(), inputs(g, *job.x),
             weights(job), taps(g), parts.output(), whole(g.out_rows), whole(g.out_cols), pixels);
    });
    parts.merge();
  }

  void transposed(const Context& ctx, const Conv& job) override {
    const ConvArithmetic how = conv_arithmetic();
    if (how != ConvArithmetic::kFp32) return convolve_on_tensor_cores(ctx, job, how, true);
    const ConvGeometry& g = job.geometry;
    const int64_t batch = job.x->rows();
    const int64_t pixels = batch * most_of_residue(g);
    const dim3 grid(pieces(pixels, kTile), pieces(g.channels, kTile),
                    static_cast<unsigned>(g.stride_rows * g.stride_cols));
    const Parts parts(job, grid, g.channels);
    visit_activation(job.activation.kind, [&](auto f) {
      launch(conv_transposed_kernel<decltype(f)>, grid, dim3(kThreads), 0, stream(),
             outputs(g, *job.x), weights(job), taps(g), parts.output(), whole(g.rows),
             whole(g.cols), batch);
    });
    parts.merge();
  }

  void weight_gradient(const Context&, const ConvGeometry& g, const Tensor& y, const Tensor& x,
                       Tensor& out) override {
    const int64_t pixels = y.rows() * g.pixels();
    const int64_t wanted =
        std::clamp<int64_t>((pixels + kSharePixels - 1) / kSharePixels, 1, kMostShares);
    const int64_t share = round_up((pixels + wanted - 1) / wanted, kTile);
    const int64_t shares = (pixels + share - 1) / share;
    const Scratch<float> part(shares == 1 ? 1 : shares * out.rows() * out.stride());
    const ConvShares to{pixels, share, shares, shares == 1 ? out.data() : part.get(), out.stride()};
    launch_weight_product(g, y, x, to);
    if (shares == 1) return;
    const Cover over = cover(out.rows(), out.cols());
    launch(add_conv_parts, over.grid, over.block, 0, stream(), part.get(), shares, out.stride(),
           output(out), out.rows());
  }

  void swap_axes(const Context&, const Tensor& x, int64_t rows, int64_t cols,
                 Tensor& out) override {
    const Cover over = cover(out.rows(), out.cols());
    launch(swap_axes_rows, over.grid, over.block, 0, stream(), input(x), rows, cols, output(out),
           out.rows());
  }
};

}  // namespace

ConvOps& conv_ops() {
  static CudaConv ops;
  return ops;
}

}  // namespace gibbslab::cuda
