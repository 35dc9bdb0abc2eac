// The Gibbs half-step in float32: pre = scale (x op(W)) + bias, mean = sigmoid(pre),
// sample = u < mean. The plain twin of the tensor-core kernels, and the path of real-valued states.
//
// x (B, I) float rows or packed bits; W (V, H) float rows, op(W) = W (I = V) or W^T (I = H): both
// are read where they lie, along their rows. Out (B, J). A block owns 32 rows and 32 units, see
// gibbs_tile.cuh; blockIdx.x counts rows' tiles, so that neighbouring blocks share weights.
#include "csrc/core/faults.h"
#include "kernels/gibbs_launch.cuh"
#include "kernels/half_step_fp32.cuh"
#include "kernels/launch.cuh"

namespace gibbslab::cuda {
namespace {

// ----------------------------------------------------------------------------- kernels

template <bool kTransposed>
__global__ void __launch_bounds__(kThreads, 2)
    half_step_fp32_kernel(const Operand x, const Operand w, const HalfStepOutput out) {
  __shared__ TileMemory memory;
  const int64_t row = int64_t{blockIdx.x} * kTile, unit = int64_t{blockIdx.y} * kTile;
  half_step_fp32_tile<kTransposed>(x, SameRows{}, w, out, row, unit, memory);
}

}  // namespace

// --------------------------------------------------------------------------- launchers

void half_step_fp32(const HalfStepProduct& product, const HalfStepOutput& out, cudaStream_t s) {
  const dim3 grid(tiles(out.rows), tiles(out.cols));
  const auto kernel =
      product.transposed ? half_step_fp32_kernel<true> : half_step_fp32_kernel<false>;
  launch(kernel, grid, dim3(kThreads), 0, s, product.x, product.w, out);
}

}  // namespace gibbslab::cuda
