// Hidden inputs b + v W in float64, for either kind of states: v (B, V), W (V, H), b (1, H).
//
// A block of 64 threads owns 8 rows x 64 columns, a thread one column of the 8 rows. The states
// come through shared memory, 64 visible units at a time; every sum starts from the bias and adds
// in the order of the visible units, as the CPU does.
#pragma once

#include <algorithm>

#include "csrc/core/faults.h"
#include "csrc/ops/reduce.h"
#include "kernels/device.cuh"
#include "kernels/launch.cuh"
#include "kernels/row_sums.cuh"
#include "kernels/rows.cuh"

namespace gibbslab::cuda {

constexpr int kInputRows = 8, kInputCols = 64, kInputDepth = 64, kAhead = 8;
// Float64 hidden inputs that are held at a time.
constexpr int64_t kMostInputs = int64_t{1} << 22;

// inputs (rows, H). Threads beyond the last column compute column 0 and keep it to themselves.
static __global__ void __launch_bounds__(kInputCols)
    hidden_inputs(StatesView v, int64_t rows, int64_t visible, Input w, const float* bias,
                  double* inputs) {
  __shared__ double tile[kInputDepth][kInputRows];  // zeros beyond the last row and visible unit
  const int64_t row = kInputRows * static_cast<int64_t>(blockIdx.x);
  const int64_t j = kInputCols * static_cast<int64_t>(blockIdx.y) + threadIdx.x;
  const float* column = w.data + (j < w.cols ? j : 0);
  const double start = bias[j < w.cols ? j : 0];
  double sum[kInputRows];
  for (double& x : sum) x = start;
  for (int64_t first = 0; first < visible; first += kInputDepth) {
    for (int k = threadIdx.x; k < kInputDepth * kInputRows; k += kInputCols) {
      const int64_t r = row + k % kInputRows, i = first + k / kInputRows;
      tile[k / kInputRows][k % kInputRows] = r < rows && i < visible ? v.at(r, i) : 0.0f;
    }
    if (!fault("kernel_missing_barrier")) __syncthreads();
    const int64_t left = visible - first - (fault("kernel_off_by_one") ? 1 : 0);
    const int count = static_cast<int>(left < kInputDepth ? left : kInputDepth);
    for (int i = 0; i < count; i += kAhead) {
      float weight[kAhead];  // loaded together, so that their latencies overlap
      for (int k = 0; k < kAhead; ++k)
        weight[k] = column[(first + (i + k < count ? i + k : count - 1)) * w.stride];
      for (int k = 0; k < kAhead; ++k)
        for (int r = 0; r < kInputRows; ++r) sum[r] += tile[i + k][r] * weight[k];
    }
    __syncthreads();
  }
  for (int r = 0; r < kInputRows; ++r)
    if (j < w.cols && row + r < rows) inputs[(row + r) * w.cols + j] = sum[r];
}

// Some rows of the states: from which on, how many, and their hidden inputs.
struct Part {
  int64_t first, rows;
  StatesView v;
  SoftplusShare hidden;
};

template <class Body>
void for_parts(const RbmView& rbm, const States& v, const Body& body) {
  const int64_t hidden = rbm.weights->cols();
  const int64_t most = std::min(v.rows(), std::max<int64_t>(1, kMostInputs / hidden));
  if (most == 0) return;
  const Scratch<double> inputs(most * hidden);
  for (int64_t first = 0; first < v.rows(); first += most) {
    const int64_t rows = std::min(most, v.rows() - first);
    const StatesView states = view(v).from(first);
    const dim3 grid(pieces(rows, kInputRows), pieces(hidden, kInputCols));
    launch(hidden_inputs, grid, dim3(kInputCols), 0, stream(), states, rows, v.cols(),
           input(*rbm.weights), rbm.hidden_bias->data(), inputs.get());
    body(Part{first, rows, states, {inputs.get(), hidden, rbm.beta}});
  }
}

}  // namespace gibbslab::cuda
