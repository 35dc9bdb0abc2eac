// Anderson's extrapolation of means, row by row; csrc/ops/mean_field.h has the formula.
//
//   x, start, last, change (B, N); a block of 128 threads for each row, a thread every 128th of it
//
// The iterations themselves are half-steps (sampling.cu).
#include "csrc/ops/mean_field.h"

#include <algorithm>

#include "csrc/core/faults.h"
#include "csrc/core/formulas.h"
#include "kernels/device.cuh"
#include "kernels/launch.cuh"
#include "kernels/reduction.cuh"
#include "kernels/row_sums.cuh"
#include "kernels/rows.cuh"

namespace gibbslab::cuda {
namespace {

// ------------------------------------------------------------------------------------ kernels

struct LayerView {
  Output x, start, last, change;
};

__device__ StepSums sums_of(const LayerView& layer, int64_t r) {
  StepSums share;
  for (int64_t c = threadIdx.x; c < layer.x.cols; c += kRowThreads) {
    const float f = layer.x.row(r)[c] - layer.start.row(r)[c], last = layer.change.row(r)[c],
                moved = f - last;
    share.now += double{f} * f;
    share.before += double{last} * last;
    share.along += double{f} * moved;
    share.apart += double{moved} * moved;
    share.largest = fmax(share.largest, fabs(double{f}));
  }
  return {block_sum<kRowThreads>(share.now), block_sum<kRowThreads>(share.before),
          block_sum<kRowThreads>(share.along), block_sum<kRowThreads>(share.apart),
          block_max<kRowThreads>(share.largest)};
}

// sums (B), to which those of the layer are added.
__global__ void __launch_bounds__(kRowThreads)
    step_sums(LayerView layer, int64_t rows, bool first, StepSums* sums) {
  for (int64_t r = blockIdx.x; r < rows; r += gridDim.x) {
    StepSums total = sums_of(layer, r);
    if (threadIdx.x != 0) continue;
    if (!first) StepSums::add(total, sums[r]);
    sums[r] = total;
  }
}

__global__ void __launch_bounds__(kRowThreads)
    next_start(LayerView layer, int64_t rows, const StepSums* sums) {
  for (int64_t r = blockIdx.x; r < rows; r += gridDim.x) {
    const float factor = static_cast<float>(extrapolation(sums[r]));
    const float t = fault("extrapolated_backwards") ? -factor : factor;
    for (int64_t c = threadIdx.x; c < layer.x.cols; c += kRowThreads) {
      const float x = layer.x.row(r)[c], f = x - layer.start.row(r)[c],
                  next = extrapolated(x, layer.last.row(r)[c], t);
      layer.last.row(r)[c] = x;
      layer.change.row(r)[c] = f;
      layer.x.row(r)[c] = next;
      layer.start.row(r)[c] = next;
    }
  }
}

// ---------------------------------------------------------------------------------- launchers

LayerView view_of(const ExtrapolatedLayer& layer) {
  return {output(layer.x), output(layer.start), output(layer.last), output(layer.change)};
}

struct CudaMeanField : MeanFieldOps {
  void extrapolate(const Context&, const Extrapolation& job) override {
    constexpr int64_t kMostBlocks = int64_t{1} << 30;
    const int64_t rows = job[0].x->rows();
    const dim3 grid(static_cast<unsigned>(std::min(rows, kMostBlocks)));
    const Scratch<StepSums> sums(rows);
    for (size_t l = 0; l < job.size(); ++l)
      launch(step_sums, grid, dim3(kRowThreads), 0, stream(), view_of(job[l]), rows, l == 0,
             sums.get());
    for (const ExtrapolatedLayer& layer : job)
      launch(next_start, grid, dim3(kRowThreads), 0, stream(), view_of(layer), rows,
             static_cast<const StepSums*>(sums.get()));
  }
};

}  // namespace

MeanFieldOps& mean_field_ops() {
  static CudaMeanField ops;
  return ops;
}

}  // namespace gibbslab::cuda
