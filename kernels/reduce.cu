// Sums in float64 and in a fixed order: column sums, energies, likelihoods.
//
//   column_sums          out[c] (+)= scale sum_r x[r, c]; x (B, N) of either kind, out (1, N)
//   free_energy          out[r] = -beta a.v_r - sum_j log(1 + exp(beta (b_j + v_r W_j)))
//   energy               out[r] = -beta (v_r W h_r + a.v_r + b.h_r)
//   pseudo_likelihood    out[r] = sum_i -log(1 + exp(F(v_r) - F(v_r with unit i flipped)))
//   softplus_difference  out[r] += sum_j log(1 + exp(high x_rj)) - log(1 + exp(low x_rj))
//   largest_differences  out[r] = max_c |x_rc - y_rc|; x, y (B, N), a block for each row
//   weighted_sums, dot   out[r] += scale sum_c w_rc x_rc, w one row or one for each;  sum_c x_c y_c
//   v (B, V), h (B, H), W (V, H), a (1, V), b (1, H); out double, on the host
//
// Column sums: a block owns 32 columns of a slab of 1024 rows, a thread every 16th row of one of
// them; slabs are added in order by a second kernel where there are several.
// Hidden inputs b + v W come from hidden_inputs.cuh, sums over rows from row_sums.cuh.
// Flips: a block owns 64 visible units of a row, a warp every 8th of them, a lane every 32nd hidden
// unit.
#include "csrc/ops/reduce.h"

#include <algorithm>
#include <vector>

#include "csrc/core/faults.h"
#include "csrc/core/formulas.h"
#include "kernels/device.cuh"
#include "kernels/hidden_inputs.cuh"
#include "kernels/launch.cuh"
#include "kernels/log_partition.cuh"
#include "kernels/reduction.cuh"
#include "kernels/row_sums.cuh"
#include "kernels/rows.cuh"
#include "kernels/softplus.cuh"

namespace gibbslab::cuda {
namespace {

constexpr int64_t kSlab = 1024;
constexpr int kFlipThreads = 256, kFlipUnits = 64;

// ------------------------------------------------------------------------------------ kernels

__global__ void __launch_bounds__(kRowThreads)
    largest_differences(Input x, Input y, int64_t rows, double* out) {
  for (int64_t r = blockIdx.x; r < rows; r += gridDim.x) {
    double largest = 0;
    for (int64_t c = threadIdx.x; c < x.cols; c += kRowThreads)
      largest = fmax(largest, fabs(double{x.row(r)[c] - y.row(r)[c]}));
    largest = block_max<kRowThreads>(largest);
    if (threadIdx.x == 0) out[r] = largest;
  }
}

struct ColumnResult {
  Output out;
  float scale;
  bool accumulate;
  __device__ void store(int64_t c, double sum) const {
    if (c >= out.width()) return;
    const float before = accumulate ? out.data[c] : 0.0f;
    out.data[c] = c < out.cols ? before + static_cast<float>(scale * sum) : 0.0f;
  }
};

// partial (slabs, C), or null where there is one slab.
__global__ void column_sums(StatesView x, int64_t rows, ColumnResult result, double* partial) {
  const int64_t c = 32 * static_cast<int64_t>(blockIdx.y) + threadIdx.x;
  const int64_t cols = result.out.cols, begin = kSlab * blockIdx.x;
  const int64_t end = begin + kSlab < rows ? begin + kSlab : rows;
  double share = 0;
  for (int64_t r = begin + threadIdx.y; c < cols && r < end; r += kRowGroups) share += x.at(r, c);
  const double sum = column_sum(share);
  if (threadIdx.y != 0) return;
  if (partial == nullptr)
    result.store(c, sum);
  else if (c < cols)
    partial[blockIdx.x * cols + c] = sum;
}

__global__ void add_slabs(const double* partial, int64_t slabs, ColumnResult result) {
  const int64_t c = along_row(), cols = result.out.cols;
  double sum = 0;
  for (int64_t s = 0; c < cols && s < slabs; ++s) sum += partial[s * cols + c];
  result.store(c, sum);
}

struct FreeEnergyShare {
  WeightedShare visible;
  SoftplusShare hidden;
  __device__ double operator()(int64_t r) const { return -hidden.beta * visible(r) - hidden(r); }
};

struct EnergyShare {
  WeightedShare visible;
  SoftplusShare inputs;
  StatesView h;
  __device__ double operator()(int64_t r) const {
    const double* x = inputs.inputs + r * inputs.hidden;
    const double hidden = over_share(inputs.hidden, [&](int64_t j) { return x[j] * h.at(r, j); });
    return -inputs.beta * (visible(r) + hidden);
  }
};

// In the float32 formula of the CPU's vectors.
struct DifferenceShare {
  const float* x;
  int64_t stride, cols;
  float low, high;
  __device__ double operator()(int64_t r) const {
    LogProduct up, down;
    double linear = 0;
    for (int64_t c = threadIdx.x; c < cols; c += kRowThreads) {
      const float value = x[r * stride + c], magnitude = fabsf(value);
      up.multiply(1.0 + exp_nonpositive<float>(magnitude * -high));
      down.multiply(1.0 + exp_nonpositive<float>(magnitude * -low));
      linear += value > 0.0f ? value : 0.0f;
    }
    return linear * static_cast<double>(high - low) + (up.value() - down.value());
  }
};

struct PartialShare {
  const double* partial;  // (rows, n)
  int64_t n;
  __device__ double operator()(int64_t r) const {
    return over_share(n, [&](int64_t i) { return partial[r * n + i]; });
  }
};

struct FlipJob {
  StatesView v;
  Input w;
  const float* visible_bias;
  const double *inputs, *here;  // (rows, H), and their SoftplusShare sums
  int64_t visible;
  double beta;
};

// Flipping v_i changes every hidden input by +-W_ij: log p(v_i | rest) = -log(1 + exp(F - F_i)).
// partial (rows, slices).
__global__ void __launch_bounds__(kFlipThreads) flip_units(FlipJob job, double* partial) {
  const int64_t r = blockIdx.x, begin = kFlipUnits * static_cast<int64_t>(blockIdx.y);
  const int64_t end = begin + kFlipUnits < job.visible ? begin + kFlipUnits : job.visible;
  const double* x = job.inputs + r * job.w.cols;
  double sum = 0;  // the same in all lanes
  for (int64_t i = begin + threadIdx.x / 32; i < end; i += kFlipThreads / 32) {
    const double sign = job.v.at(r, i) != 0.0f ? -job.beta : job.beta;
    const float* w = job.w.row(i);
    SoftplusSum flipped;
    for (int64_t j = threadIdx.x % 32; j < job.w.cols; j += 32)
      flipped.add(job.beta * x[j] + sign * w[j]);
    const double there = warp_sum(flipped.value()) + sign * job.visible_bias[i];
    sum -= log1p_exp(there - job.here[r]);
  }
  sum = across_warps<kFlipThreads>(sum, [](double a, double b) { return a + b; });
  if (threadIdx.x == 0) partial[r * gridDim.y + blockIdx.y] = sum;
}

// ---------------------------------------------------------------------------------- launchers

WeightedShare visible_share(const RbmView& rbm, const Part& part) {
  return {part.v, rbm.visible_bias->data(), rbm.visible_bias->cols()};
}

void launch_flips(const RbmView& rbm, const Part& part, double* out) {
  const int64_t visible = rbm.weights->rows(), slices = pieces(visible, kFlipUnits);
  const Scratch<double> here(part.rows), partial(part.rows * slices);
  launch_row_sums(part.hidden, part.rows, here.get());
  const FlipJob job{part.v,
                    input(*rbm.weights),
                    rbm.visible_bias->data(),
                    part.hidden.inputs,
                    here.get(),
                    visible,
                    rbm.beta};
  const dim3 grid(static_cast<unsigned>(part.rows), static_cast<unsigned>(slices));
  launch(flip_units, grid, dim3(kFlipThreads), 0, stream(), job, partial.get());
  launch_row_sums(PartialShare{partial.get(), slices}, part.rows, out);
}

struct CudaReduce : ReduceOps {
  void column_sums(const Context&, const States& x, float scale, bool accumulate,
                   Tensor& out) override {
    if (out.empty()) return;
    const ColumnResult result{output(out), scale, accumulate};
    const int64_t slabs = std::max<int64_t>(1, pieces(x.rows(), kSlab));
    const Scratch<double> partial(slabs * x.cols());
    const unsigned columns = pieces(result.out.width(), 32);
    launch(cuda::column_sums, dim3(static_cast<unsigned>(slabs), columns), dim3(32, kRowGroups), 0,
           stream(), view(x), x.rows(), result, slabs == 1 ? nullptr : partial.get());
    if (slabs == 1) return;
    constexpr int kThreads = 256;
    launch(add_slabs, dim3(pieces(result.out.width(), kThreads)), dim3(kThreads), 0, stream(),
           partial.get(), slabs, result);
  }

  void free_energy(const Context&, const RbmView& rbm, const States& v, double* out) override {
    const Scratch<double> sums(v.rows());
    for_parts(rbm, v, [&](const Part& part) {
      const FreeEnergyShare share{visible_share(rbm, part), part.hidden};
      launch_row_sums(share, part.rows, sums.get() + part.first);
    });
    download(out, sums.get(), v.rows());
  }

  void energy(const Context&, const RbmView& rbm, const States& v, const States& h,
              double* out) override {
    const Scratch<double> sums(v.rows());
    for_parts(rbm, v, [&](const Part& part) {
      const EnergyShare share{visible_share(rbm, part), part.hidden, view(h).from(part.first)};
      launch_row_sums(share, part.rows, sums.get() + part.first);
    });
    download(out, sums.get(), v.rows());
  }

  void pseudo_likelihood(const Context&, const RbmView& rbm, const BitTensor& v,
                         double* out) override {
    const Scratch<double> sums(v.rows());
    for_parts(rbm, v, [&](const Part& part) { launch_flips(rbm, part, sums.get() + part.first); });
    download(out, sums.get(), v.rows());
  }

  void softplus_difference(const Context&, const Tensor& x, float low, float high,
                           double* out) override {
    const DifferenceShare share{x.data(), x.stride(), x.cols(), low, high};
    const std::vector<double> sums = row_sums_of(share, x.rows());
    for (size_t r = 0; r < sums.size(); ++r) out[r] += sums[r];
  }

  void weighted_sums(const Context&, const States& x, const Tensor& weights, double scale,
                     double* out) override {
    const WeightedShare share{view(x), weights.data(), x.cols(),
                              weights.rows() == 1 ? 0 : weights.stride()};
    const std::vector<double> sums = row_sums_of(share, x.rows());
    for (size_t r = 0; r < sums.size(); ++r) out[r] += scale * sums[r];
  }

  void largest_differences(const Context&, const Tensor& x, const Tensor& y, double* out) override {
    if (x.rows() == 0) return;
    const Scratch<double> largest(x.rows());
    constexpr int64_t kMostBlocks = int64_t{1} << 30;
    launch(cuda::largest_differences, dim3(static_cast<unsigned>(std::min(x.rows(), kMostBlocks))),
           dim3(kRowThreads), 0, stream(), input(x), input(y), x.rows(), largest.get());
    download(out, largest.get(), x.rows());
  }

  double dot(const Context&, const Tensor& x, const Tensor& y) override {
    const WeightedShare share{StatesView{x.data(), nullptr, x.stride()}, y.data(), x.cols()};
    return row_sums_of(share, 1)[0];
  }

  double log_partition(const Context&, const RbmView& rbm) override {
    return enumerate_log_partition(rbm);
  }
};

}  // namespace

ReduceOps& reduce_ops() {
  static CudaReduce ops;
  return ops;
}

}  // namespace gibbslab::cuda
