// Float64 sums over the rows of a batch: out[r] = sum_c term(r, c).
//
// A block of 128 threads owns a row, a thread every 128th of its terms, in order; the 128 shares
// are added in a fixed order. What is summed is a Share: a function of the row that gives the share
// of the calling thread.
#pragma once

#include <algorithm>
#include <vector>

#include "kernels/device.cuh"
#include "kernels/launch.cuh"
#include "kernels/reduction.cuh"
#include "kernels/rows.cuh"
#include "kernels/softplus.cuh"

namespace gibbslab::cuda {

constexpr int kRowThreads = 128;

// out[r] = the sum of what share(r) gives in each thread.
template <class Share>
__global__ void __launch_bounds__(kRowThreads) row_sums(Share share, int64_t rows, double* out) {
  for (int64_t r = blockIdx.x; r < rows; r += gridDim.x) {
    const double sum = block_sum<kRowThreads>(share(r));
    if (threadIdx.x == 0) out[r] = sum;
  }
}

// Sums term(c) over this thread's share of c < n.
template <class Term>
__device__ double over_share(int64_t n, Term term) {
  double sum = 0;
  for (int64_t c = threadIdx.x; c < n; c += kRowThreads) sum += term(c);
  return sum;
}

// weights (rows, cols), or one row for all with stride 0.
struct WeightedShare {
  StatesView x;
  const float* weights;
  int64_t cols, stride = 0;
  __device__ double operator()(int64_t r) const {
    const float* w = weights + r * stride;
    return over_share(cols, [&](int64_t c) { return double{w[c]} * x.at(r, c); });
  }
};

// The sum of beta-scaled softplus of a row's hidden inputs.
struct SoftplusShare {
  const double* inputs;  // (rows, hidden)
  int64_t hidden;
  double beta;
  __device__ double operator()(int64_t r) const {
    SoftplusSum sum;
    for (int64_t j = threadIdx.x; j < hidden; j += kRowThreads)
      sum.add(beta * inputs[r * hidden + j]);
    return sum.value();
  }
};

template <class Share>
void launch_row_sums(const Share& share, int64_t rows, double* out) {
  constexpr int64_t kMostBlocks = int64_t{1} << 30;
  launch(row_sums<Share>, dim3(static_cast<unsigned>(std::min(rows, kMostBlocks))),
         dim3(kRowThreads), 0, stream(), share, rows, out);
}

// The row sums, on the host.
template <class Share>
std::vector<double> row_sums_of(const Share& share, int64_t rows) {
  std::vector<double> out(static_cast<size_t>(rows));
  if (rows == 0) return out;
  const Scratch<double> sums(rows);
  launch_row_sums(share, rows, sums.get());
  download(out.data(), sums.get(), rows);
  return out;
}

}  // namespace gibbslab::cuda
