#include "csrc/cpu/conv_by_frequency.h"

#include <algorithm>
#include <vector>

#include "csrc/core/thread_pool.h"
#include "csrc/cpu/conv_finish.h"
#include "csrc/cpu/conv_shares.h"
#include "csrc/cpu/cpu_ops.h"
#include "csrc/cpu/frequency_matrices.h"
#include "csrc/cpu/kernels.h"

namespace gibbslab::cpu {
namespace {

// Samples whose planes are made together, columns of a plane that a task multiplies, and samples
// or channels that a task maps.
constexpr int64_t kBlockSamples = 64, kTaskCols = 64, kTaskMaps = 4;

// out = A B [+ out] in each plane of a group: A (rows, depth), or its transpose where `turned`.
struct PlaneProducts {
  Matrices a, b, out;
  bool turned;
  int64_t rows, cols, depth;
  bool accumulate;

  void run(const Context& ctx, int64_t planes) const {
    const int64_t chunks = (cols + kTaskCols - 1) / kTaskCols;
    parallel_for(ctx.threads(), planes * chunks, [&](int64_t task) {
      const int64_t p = task / chunks, first = task % chunks * kTaskCols;
      kernels().dense_product({a.planes.data + p * a.planes.pitch, turned ? 1 : a.stride,
                               turned ? a.stride : 1, b.planes.data + p * b.planes.pitch + first,
                               b.stride, out.planes.data + p * out.planes.pitch + first, out.stride,
                               rows, std::min(kTaskCols, cols - first), depth, accumulate});
    });
  }
};

// Of what the ways to convolve take; in float64, which no geometry makes overflow.
class Estimate {
 public:
  explicit Estimate(const ConvGeometry& g)
      : g_(g),
        images_(static_cast<double>(g.stride_rows * g.stride_cols) *
                static_cast<double>(g.channels)),
        results_(static_cast<double>(g.out_channels)),
        row_size_(row_period(g)),
        col_size_(col_period(g)) {}

  // Of the matrices of one group.
  double bytes() const {
    const double numbers =
        static_cast<double>(kBlockSamples) * (images_ + results_) + images_ * results_;
    return static_cast<double>(planes_of(false, col_size_)) * numbers * sizeof(float);
  }
  // Multiply-adds with a batch of n.
  double by_pixel(double n) const {
    return n * static_cast<double>(g_.channels) * results_ *
           inside(g_.out_rows, g_.stride_rows, g_.top, g_.kernel_rows, g_.rows) *
           inside(g_.out_cols, g_.stride_cols, g_.left, g_.kernel_cols, g_.cols);
  }
  // Those of the maps, whose matrices are small, take longer.
  double by_frequency(double n) const {
    constexpr double kMapCost = 2;
    const double maps = n * images_ * static_cast<double>(g_.cols / g_.stride_cols) +
                        n * results_ * static_cast<double>(g_.out_cols) +
                        images_ * results_ * static_cast<double>(g_.kernel_cols / g_.stride_cols);
    return planes() * (n * images_ * results_ + 2 * kMapCost * maps);
  }

 private:
  double planes() const {
    const int64_t real = real_frequencies(row_size_);
    return static_cast<double>(real) * static_cast<double>(planes_of(true, col_size_)) +
           static_cast<double>((row_size_ - real) / 2) *
               static_cast<double>(planes_of(false, col_size_));
  }
  // Along a side, the pairs of a pixel of y and a tap that lies inside the image.
  static double inside(int64_t outputs, int64_t stride, int64_t corner, int64_t kernel,
                       int64_t size) {
    int64_t pairs = 0;
    for (int64_t p = 0; p < outputs; ++p)
      pairs += taps_inside(p * stride - corner, kernel, size).size();
    return static_cast<double>(pairs);
  }

  ConvGeometry g_;
  double images_, results_;  // columns of the matrices
  int64_t row_size_, col_size_;
};

// Matrices A (samples, depth), B (depth, cols) and A B, B of so many kernels; the result has
// `channels`.
struct Sizes {
  int64_t depth, cols, kernels, channels;
};

// kernel(group, to, k) maps the k-th kernels, from(group, sample, to, row) a sample, and
// result(group, from, row, sample) maps to one.
template <class Kernel, class From, class Result>
void convolve(const Context& ctx, const FrequencyConv& maps, const Conv& job, const Sizes& sizes,
              const Kernel& kernel, const From& from, const Result& result) {
  const int64_t n = job.x->rows(), block = std::min(n, kBlockSamples);
  const std::vector<Matrices> m =
      maps.places({{block, sizes.depth}, {sizes.depth, sizes.cols}, {block, sizes.cols}});
  ConvFinish finish(job, sizes.channels, n);
  for (int64_t group = 0; group < maps.groups(); ++group) {
    for_rows(ctx.threads(), sizes.kernels, kTaskMaps, [&](int64_t k) { kernel(group, m[1], k); });
    for (int64_t begin = 0; begin < n; begin += block) {
      const int64_t end = std::min(n, begin + block);
      for_rows(ctx.threads(), end - begin, kTaskMaps,
               [&](int64_t i) { from(group, job.x->row(begin + i), m[0], i); });
      PlaneProducts{m[0], m[1], m[2], false, end - begin, sizes.cols, sizes.depth, false}.run(
          ctx, maps.planes(group));
      for_rows(ctx.threads(), end - begin, kTaskMaps, [&](int64_t i) {
        result(group, m[2], i, job.out->row(begin + i));
        if (group + 1 == maps.groups()) finish.sample(begin + i, begin + i);
      });
    }
  }
  finish.end();
}

}  // namespace

bool suits_frequencies(const ConvGeometry& g, const Tensor& a, const Tensor& b) {
  constexpr int64_t kLeastBatch = 8;
  constexpr double kMostBytes = 1 << 25;
  if (a.rows() < kLeastBatch || !a.padded() || !b.padded() || g.channels % kLanes != 0 ||
      g.out_channels % kLanes != 0)
    return false;
  if (std::min(g.rows, g.kernel_rows) < g.stride_rows ||
      std::min(g.cols, g.kernel_cols) < g.stride_cols)
    return false;
  const Estimate estimate(g);
  const double n = static_cast<double>(a.rows());
  return estimate.bytes() <= kMostBytes && estimate.by_frequency(n) < estimate.by_pixel(n);
}

void conv_by_frequency(const Context& ctx, const Conv& job) {
  const ConvGeometry& g = job.geometry;
  const FrequencyConv maps(g);
  Tensor weight = Tensor::empty(job.weight->cols(), job.weight->rows());
  linalg_ops().transpose(ctx, *job.weight, weight);
  convolve(
      ctx, maps, job, {maps.channels(), g.out_channels, g.channels, g.out_channels},
      [&](int64_t group, const Matrices& to, int64_t c) {
        maps.turned_kernels_to(group, weight.data(), weight.stride(), to, c);
      },
      [&](int64_t group, const float* x, const Matrices& to, int64_t row) {
        maps.images_to(group, x, to, row);
      },
      [&](int64_t group, const Matrices& from, int64_t row, float* y) {
        maps.results_from(group, from, row, y);
      });
}

void conv_transposed_by_frequency(const Context& ctx, const Conv& job) {
  const ConvGeometry& g = job.geometry;
  const FrequencyConv maps(g);
  convolve(
      ctx, maps, job, {g.out_channels, maps.channels(), g.out_channels, g.channels},
      [&](int64_t group, const Matrices& to, int64_t o) {
        maps.kernels_to(group, job.weight->row(o), to, o);
      },
      [&](int64_t group, const float* y, const Matrices& to, int64_t row) {
        maps.results_to(group, y, to, row);
      },
      [&](int64_t group, const Matrices& from, int64_t row, float* x) {
        maps.images_from(group, from, row, x);
      });
}

void conv_weight_by_frequency(const Context& ctx, const ConvGeometry& g, const Tensor& y,
                              const Tensor& x, Tensor& out) {
  const FrequencyConv maps(g);
  const int64_t n = y.rows(), block = std::min(n, kBlockSamples);
  const std::vector<Matrices> m = maps.places(
      {{block, g.out_channels}, {block, maps.channels()}, {g.out_channels, maps.channels()}});
  for (int64_t group = 0; group < maps.groups(); ++group) {
    for (int64_t begin = 0; begin < n; begin += block) {
      const int64_t end = std::min(n, begin + block);
      for_rows(ctx.threads(), end - begin, kTaskMaps, [&](int64_t i) {
        maps.results_to(group, y.row(begin + i), m[0], i);
        maps.images_to(group, x.row(begin + i), m[1], i);
      });
      PlaneProducts{m[0], m[1], m[2], true, g.out_channels, maps.channels(), end - begin, begin > 0}
          .run(ctx, maps.planes(group));
    }
    for_rows(ctx.threads(), g.out_channels, kTaskMaps,
             [&](int64_t o) { maps.kernels_from(group, m[2], o, out.row(o)); });
  }
}

}  // namespace gibbslab::cpu
