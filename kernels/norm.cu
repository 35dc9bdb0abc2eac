// Batch normalisation (csrc/ops/norm.h, csrc/core/norm_formulas.h).
//
//   moments    mean, variance (1, C) of the channels of x (N, P C)
//   forward    out = f(gamma (x - mean) / sqrt(variance + epsilon) + beta)
//   backward   the gradient dz before f, two sums of it for each channel, and the gradient by x
//              from them; dz is computed twice and kept nowhere
//
// Sums: a block owns 32 channels of a slab of 512 pixels of the batch, a thread every 16th pixel of
// one of them, in float64; a second kernel adds the slabs in order. The rest: a thread owns one
// column of every row that it meets (rows.cuh).
#include "csrc/ops/norm.h"

#include "csrc/core/faults.h"
#include "csrc/core/functions.h"
#include "csrc/core/norm_formulas.h"
#include "kernels/channel_view.cuh"
#include "kernels/device.cuh"
#include "kernels/launch.cuh"
#include "kernels/reduction.cuh"
#include "kernels/rows.cuh"

namespace gibbslab::cuda {
namespace {

constexpr int64_t kPixelSlab = 512;

// A batch of images by its pixels.
struct Pixels {
  const float* data;
  int64_t stride, of_sample, channels;
  __device__ float at(int64_t pixel, int64_t c) const {
    return data[pixel / of_sample * stride + pixel % of_sample * channels + c];
  }
};

// What the elements of a channel add to its sums: terms.of(c)(pixel).
struct Terms {
  double first, second;
};
struct MomentTerms {
  Pixels x;
  __device__ auto of(int64_t c) const {
    return [this, c](int64_t pixel) {
      const double value = double{x.at(pixel, c)};
      return Terms{value, value * value};
    };
  }
};
template <class F>
struct GradientTerms {
  Pixels dy, y, x;
  ChannelView channels;
  float alpha;
  __device__ auto of(int64_t c) const {
    return [this, c, norm = channels.at(c)](int64_t pixel) {
      const float dz = dy.at(pixel, c) * F::template slope<float>(y.at(pixel, c), alpha);
      return Terms{double{dz}, double{dz} * double{standardised(norm, x.at(pixel, c))}};
    };
  }
};

// ------------------------------------------------------------------------------------ kernels

// partial (slabs, 2, C).
template <class ElementTerms>
__global__ void __launch_bounds__(32 * kRowGroups)
    channel_sums(ElementTerms terms, int64_t pixels, int64_t channels, double* partial) {
  const int64_t c = int64_t{blockIdx.y} * 32 + threadIdx.x, slab = blockIdx.x;
  const int64_t end = (slab + 1) * kPixelSlab < pixels ? (slab + 1) * kPixelSlab : pixels;
  const auto term = terms.of(c < channels ? c : 0);
  Terms sum{0.0, 0.0};
  for (int64_t pixel = slab * kPixelSlab + threadIdx.y; c < channels && pixel < end;
       pixel += kRowGroups) {
    const Terms more = term(pixel);
    sum.first += more.first;
    sum.second += more.second;
  }
  const double first = column_sum(sum.first);
  __syncthreads();  // both sums go through one array
  const double second = column_sum(sum.second);
  if (c >= channels || threadIdx.y != 0) return;
  partial[2 * slab * channels + c] = first;
  partial[(2 * slab + 1) * channels + c] = second;
}

__device__ inline Terms added_slabs(const double* partial, int64_t slabs, int64_t channels,
                                    int64_t c) {
  Terms sum{0.0, 0.0};
  for (int64_t s = 0; s < slabs; ++s) {
    sum.first += partial[2 * s * channels + c];
    sum.second += partial[(2 * s + 1) * channels + c];
  }
  return sum;
}

__global__ void finish_moments(const double* partial, int64_t slabs, int64_t channels, double count,
                               float* mean, float* variance) {
  const int64_t c = along_row();
  if (c >= channels) return;
  const Terms sum = added_slabs(partial, slabs, channels, c);
  const PartMoments all = PartMoments::of(sum.first, sum.second, count);
  mean[c] = static_cast<float>(all.mean);
  variance[c] = static_cast<float>(all.squares / count);
}

// means (2, C): those of norm_gradient.
__global__ void finish_gradients(const double* partial, int64_t slabs, int64_t channels,
                                 double count, bool of_batch, float* gamma, float* beta,
                                 float* means) {
  const int64_t c = along_row();
  if (c >= channels) return;
  const Terms sum = added_slabs(partial, slabs, channels, c);
  beta[c] = static_cast<float>(sum.first);
  gamma[c] = static_cast<float>(sum.second);
  const bool moving = of_batch && !fault("batch_norm_constant_moments");
  means[c] = moving ? static_cast<float>(sum.first / count) : 0.0f;
  means[channels + c] = moving ? static_cast<float>(sum.second / count) : 0.0f;
}

template <class F>
__global__ void normalise(Input x, ChannelView view, int64_t channels, float alpha, Output out,
                          int64_t rows) {
  const int64_t at = along_row();
  if (at >= out.cols) return;
  const ChannelNorm norm = view.at(at % channels);
  for (int64_t r = first_row(); r < rows; r += row_step())
    out.row(r)[at] = F::template value<float>(normalised(norm, x.row(r)[at]), alpha);
}

template <class F>
__global__ void norm_gradients(Input dy, Input y, Input x, ChannelView view, int64_t channels,
                               float alpha, const float* means, Output out, int64_t rows) {
  const int64_t at = along_row();
  if (at >= out.cols) return;
  const int64_t c = at % channels;
  const ChannelNorm norm = view.at(c);
  for (int64_t r = first_row(); r < rows; r += row_step()) {
    const float dz = dy.row(r)[at] * F::template slope<float>(y.row(r)[at], alpha);
    out.row(r)[at] = norm_gradient(norm, x.row(r)[at], dz, means[c], means[channels + c]);
  }
}

// ---------------------------------------------------------------------------------- launchers

Pixels pixels_of(const Tensor& x, int64_t channels) {
  return {x.data(), x.stride(), x.cols() / channels, channels};
}

// The sums of slabs of the batch's pixels.
struct SlabSums {
  template <class ElementTerms>
  SlabSums(const ElementTerms& terms, int64_t all, int64_t of_channels)
      : pixels(all),
        channels(of_channels),
        slabs(pieces(all, kPixelSlab)),
        partial(2 * slabs * of_channels) {
    launch(channel_sums<ElementTerms>, dim3(static_cast<unsigned>(slabs), pieces(channels, 32)),
           dim3(32, kRowGroups), 0, stream(), terms, pixels, channels, partial.get());
  }
  int64_t pixels, channels, slabs;
  Scratch<double> partial;
};

struct CudaNorm : NormOps {
  void moments(const Context&, const Tensor& x, Tensor& mean, Tensor& variance) override {
    const int64_t channels = mean.cols();
    const SlabSums sums(MomentTerms{pixels_of(x, channels)}, x.rows() * (x.cols() / channels),
                        channels);
    launch(finish_moments, dim3(pieces(channels, 256)), dim3(256), 0, stream(), sums.partial.get(),
           sums.slabs, channels, static_cast<double>(sums.pixels), mean.data(), variance.data());
  }

  void forward(const Context&, const BatchNorm& job) override {
    const Output to = output(job.out);
    const Cover over = cover(job.x->rows(), to.cols);
    visit_activation(job.activation.kind, [&](auto f) {
      launch(normalise<decltype(f)>, over.grid, over.block, 0, stream(), input(*job.x),
             view(job.channels), job.channels.count(), job.activation.alpha, to, job.x->rows());
    });
  }

  void backward(const Context&, const BatchNormBackward& job) override {
    visit_activation(job.activation.kind, [&](auto f) { backward_through<decltype(f)>(job); });
  }

 private:
  template <class F>
  static void backward_through(const BatchNormBackward& job) {
    const int64_t channels = job.channels.count(), rows = job.x->rows();
    const bool identity = job.activation.kind == FunctionKind::kIdentity;
    const Tensor& y = identity ? *job.dy : *job.y;  // not read through the identity
    const float alpha = job.activation.alpha;
    const GradientTerms<F> terms{pixels_of(*job.dy, channels), pixels_of(y, channels),
                                 pixels_of(*job.x, channels), view(job.channels), alpha};
    const SlabSums sums(terms, rows * (job.x->cols() / channels), channels);
    const Scratch<float> means(2 * channels);
    launch(finish_gradients, dim3(pieces(channels, 256)), dim3(256), 0, stream(),
           sums.partial.get(), sums.slabs, channels, static_cast<double>(sums.pixels), job.of_batch,
           job.gamma_gradient->data(), job.beta_gradient->data(), means.get());
    if (job.out == nullptr) return;
    const Output to = output(*job.out);
    const Cover over = cover(rows, to.cols);
    launch(norm_gradients<F>, over.grid, over.block, 0, stream(), input(*job.dy), input(y),
           input(*job.x), view(job.channels), channels, alpha, means.get(), to, rows);
  }
};

}  // namespace

NormOps& norm_ops() {
  static CudaNorm ops;
  return ops;
}

}  // namespace gibbslab::cuda
