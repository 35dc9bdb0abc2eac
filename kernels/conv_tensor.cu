// Convolutions of images on tensor cores (conv_tile.cuh): the products of conv.cu, their factors
// rounded to TF32 or bf16, their sums float32. Twin: conv.cu, which is the default.
//
//   forward          y[m, o] = f(sum_k window(x)[m, k] W[o, k] + b[o])
//   transposed       x[m, c] = f(sum_d y[seen by m, o] W[o, (i, j, c)] + b[c])
//   weight_gradient  part[o, k] = sum_m y[m, o] window(x)[m, k], m within one share
//
// m, k, d as in conv.cu; nothing is laid out in between. A block owns 64 x 64 results, or 128 x 32
// where channels are few: blockIdx.x counts tiles of pixels (of taps in the gradient), y those of
// channels, z the residues or the shares. Four neighbours are one copy of 16 bytes where channels
// are multiples of four, else four copies.
#include <string>
#include <type_traits>

#include "csrc/core/error.h"
#include "csrc/core/functions.h"
#include "csrc/core/settings.h"
#include "kernels/conv_sources.cuh"
#include "kernels/device.cuh"
#include "kernels/launch.cuh"
#include "kernels/rows.cuh"

namespace gibbslab::cuda {
namespace {

// Where the results go: pixels of sample n side by side, `channels` each.
struct TensorOutput {
  float* data;
  int64_t stride;
  int channels;
  bool quads;
  const float* bias;  // or null
  Function activation;
};

// ------------------------------------------------------------------------------------ kernels

__device__ __forceinline__ void finish_pixel(const TensorOutput& out, int64_t n, int64_t pixel,
                                             int channel, float4 sum) {
  if (channel >= out.channels) return;
  float* to = out.data + n * out.stride + pixel * out.channels + channel;
  float values[4] = {sum.x, sum.y, sum.z, sum.w};
#pragma unroll
  for (int e = 0; e < 4; ++e) {
    const bool biased = out.bias != nullptr && channel + e < out.channels;
    const float b = biased && !fault("dense_bias_left_out") ? out.bias[channel + e] : 0.0f;
    values[e] = activation_value(out.activation, values[e] + b);
    if (!out.quads && channel + e < out.channels) to[e] = values[e];
  }
  if (out.quads) *reinterpret_cast<float4*>(to) = {values[0], values[1], values[2], values[3]};
}

template <class Factors, int kM, int kN>
__global__ void __launch_bounds__(kTensorThreads, 4)
    conv_tensor_forward_kernel(const Images x, const TensorWeights w, const Taps taps,
                               const TensorOutput out, int out_rows, int out_cols, int64_t pixels) {
  __shared__ TensorMemory<kM, kN> memory;
  const int64_t first = int64_t{blockIdx.x} * kM, left = pixels - first;
  const int channel = static_cast<int>(blockIdx.y) * kN;
  const int window = taps.kernel_rows * taps.kernel_cols * x.channels;
  const PixelRun run(first, out_rows, out_cols);
  const WindowSource<Panel<kM, true>> a(x, taps, window, run, left);
  const WeightSource<Panel<kN, true>> b{w.data, w.quads, w.stride, channel, w.rows, window};
  tensor_tile<Factors, kM, kN, true, true>(
      memory, (window + kTensorDepth - 1) / kTensorDepth, a, b, [&](int row, int col, float4 sum) {
        if (row >= left) return;
        const PixelAt at = run[row];
        finish_pixel(out, at.n, at.r * out_cols + at.q, channel + col, sum);
      });
}

template <class Factors, int kM, int kN>
__global__ void __launch_bounds__(kTensorThreads, 4)
    conv_tensor_transposed_kernel(const Images y, const TensorWeights w, const Taps taps,
                                  const TensorOutput out, int rows, int cols, int64_t batch) {
  __shared__ TensorMemory<kM, kN> memory;
  const int row_residue = taps.row_residue(), col_residue = taps.col_residue();
  const StrideResidue v = taps.rows_of(row_residue, rows), h = taps.cols_of(col_residue, cols);
  const int64_t first = int64_t{blockIdx.x} * kM, left = batch * v.count * h.count - first;
  if (left <= 0) return;
  const int channel = static_cast<int>(blockIdx.y) * kN;
  const PixelRun run(first, static_cast<int>(v.count), static_cast<int>(h.count));
  const Reach reach(v, h, y.channels);
  const ReachSource<Panel<kM, true>> a(y, reach, run, left, v, h);
  const ReachWeightSource<Panel<kN, false>> b{
      w, taps, reach, w.data, w.quads, channel, out.channels, row_residue, col_residue};
  tensor_tile<Factors, kM, kN, true, false>(
      memory, (reach.depth + kTensorDepth - 1) / kTensorDepth, a, b,
      [&](int row, int col, float4 sum) {
        if (row >= left) return;
        const PixelAt at = run[row];
        const int64_t p = v.first + at.r * taps.stride_rows, q = h.first + at.q * taps.stride_cols;
        finish_pixel(out, at.n, p * cols + q, channel + col, sum);
      });
}

template <class Factors, int kM, int kN>
__global__ void __launch_bounds__(kTensorThreads, 4)
    conv_tensor_weight_kernel(const Images y, const Images x, const Taps taps,
                              const ConvShares to) {
  __shared__ TensorMemory<kM, kN> memory;
  const int window = taps.kernel_rows * taps.kernel_cols * x.channels;
  const int k = static_cast<int>(blockIdx.x) * kN, channel = static_cast<int>(blockIdx.y) * kM;
  const int64_t begin = int64_t{blockIdx.z} * to.share, left = to.pixels - begin;
  const int pixels = static_cast<int>(left < to.share ? left : to.share);
  const PixelRun run(begin, y.rows, y.cols);
  const PixelSource<Panel<kM, false>> a{y, run, y.data, y.quads, channel, pixels};
  const SeenSource<Panel<kN, false>> b{x, taps, run, x.data, x.quads, k, window, pixels};
  tensor_tile<Factors, kM, kN, false, false>(
      memory, (pixels + kTensorDepth - 1) / kTensorDepth, a, b, [&](int row, int col, float4 sum) {
        if (channel + row >= y.channels) return;
        float* part = to.part + (int64_t{blockIdx.z} * y.channels + channel + row) * to.stride;
        const float values[4] = {sum.x, sum.y, sum.z, sum.w};
#pragma unroll
        for (int e = 0; e < 4; ++e)
          if (k + col + e < window) part[k + col + e] = values[e];
      });
}

// ---------------------------------------------------------------------------------- launchers

constexpr int kFewChannels = 32, kTile = 64;

TensorOutput tensor_output(const Conv& job, int64_t channels) {
  return {job.out->data(),
          job.out->stride(),
          whole(channels),
          channels % 4 == 0 && job.out->padded(),
          job.bias != nullptr ? job.bias->data() : nullptr,
          job.activation};
}

// visit(Factors{})
template <class Visit>
void visit_factors(ConvArithmetic how, const Visit& visit) {
  how == ConvArithmetic::kTf32 ? visit(Tf32Factors{}) : visit(Bf16Factors{});
}

// visit(pixels, channels), integral constants: the size of a tile.
template <class Visit>
void visit_tile(int64_t channels, const Visit& visit) {
  using std::integral_constant;
  if (channels <= kFewChannels)
    visit(integral_constant<int, 2 * kTile>{}, integral_constant<int, kTile / 2>{});
  else
    visit(integral_constant<int, kTile>{}, integral_constant<int, kTile>{});
}

}  // namespace

ConvArithmetic conv_arithmetic() {
  const std::string asked = setting("cuda", "GIBBSLAB_CUDA_CONVOLUTIONS", {"fp32", "tf32", "bf16"});
  if (asked.empty() || asked == "fp32") return ConvArithmetic::kFp32;
  if (architecture() < kTensorCores)
    throw DeviceError("[cuda] GIBBSLAB_CUDA_CONVOLUTIONS=" + asked +
                      " needs a card of compute capability 8.0 or later");
  return asked == "tf32" ? ConvArithmetic::kTf32 : ConvArithmetic::kBf16;
}

void conv_forward_tensor(const Conv& job, ConvArithmetic how) {
  const ConvGeometry& g = job.geometry;
  const int64_t pixels = job.x->rows() * g.pixels(), channels = g.out_channels;
  const Tensor& w = *job.weight;
  const TensorWeights weights{w.data(), w.stride(), whole(channels),
                              w.padded() && g.window() % 4 == 0};
  visit_factors(how, [&](auto factors) {
    visit_tile(channels, [&](auto m, auto n) {
      launch(conv_tensor_forward_kernel<decltype(factors), m(), n()>,
             dim3(pieces(pixels, m()), pieces(channels, n())), dim3(kTensorThreads), 0, stream(),
             inputs(g, *job.x), weights, taps(g), tensor_output(job, channels), whole(g.out_rows),
             whole(g.out_cols), pixels);
    });
  });
}

void conv_transposed_tensor(const Conv& job, ConvArithmetic how) {
  const ConvGeometry& g = job.geometry;
  const int64_t batch = job.x->rows();
  const int64_t pixels = batch * most_of_residue(g);
  const Tensor& w = *job.weight;
  const TensorWeights weights{w.data(), w.stride(), whole(g.out_channels),
                              w.padded() && g.channels % 4 == 0};
  visit_factors(how, [&](auto factors) {
    visit_tile(g.channels, [&](auto m, auto n) {
      launch(conv_tensor_transposed_kernel<decltype(factors), m(), n()>,
             dim3(pieces(pixels, m()), pieces(g.channels, n()),
                  static_cast<unsigned>(g.stride_rows * g.stride_cols)),
             dim3(kTensorThreads), 0, stream(), outputs(g, *job.x), weights, taps(g),
             tensor_output(job, g.channels), whole(g.rows), whole(g.cols), batch);
    });
  });
}

void conv_weight_tensor(const ConvGeometry& g, const Tensor& y, const Tensor& x,
                        const ConvShares& to, ConvArithmetic how) {
  visit_factors(how, [&](auto factors) {
    // Here the channels are the rows of the tile.
    visit_tile(g.out_channels, [&](auto n, auto m) {
      launch(conv_tensor_weight_kernel<decltype(factors), m(), n()>,
             dim3(pieces(g.window(), n()), pieces(g.out_channels, m()),
                  static_cast<unsigned>(to.shares)),
             dim3(kTensorThreads), 0, stream(), outputs(g, y), inputs(g, x), taps(g), to);
    });
  });
}

}  // namespace gibbslab::cuda
