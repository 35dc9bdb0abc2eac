// The statistics of contrastive divergence in float32, and the update that follows:
//   g = scale (weight0 v0^T h0 + weight1 v1^T h1), then stored or applied.
//
// v0 (B, V), h0 (B, H), v1 (C, V), h1 (C, H): each float rows or packed bits. Both outer products
// are one sum of depth B + C, the signs in the weights. A block owns 32 x 32 results, see
// gibbs_tile.cuh; the chunks of the first batch come first. Any mix of operands, on any card.
#include "kernels/cd_fp32.cuh"
#include "kernels/launch.cuh"

namespace gibbslab::cuda {
namespace {

// ----------------------------------------------------------------------------- kernels

template <bool kUpdate>
__global__ void __launch_bounds__(kThreads, 2)
    cd_fp32_kernel(const CdProduct product, const CdOutput out) {
  __shared__ CdMemory memory;
  const int64_t row = int64_t{blockIdx.x} * kTile, col = int64_t{blockIdx.y} * kTile;
  cd_fp32_tile<kUpdate>(product, out, row, col, memory);
}

}  // namespace

// --------------------------------------------------------------------------- launchers

void cd_fp32(const CdProduct& product, const CdOutput& out, cudaStream_t s) {
  const dim3 grid(tiles(out.rows), tiles(out.cols));
  const auto kernel = out.gradient != nullptr ? cd_fp32_kernel<false> : cd_fp32_kernel<true>;
  launch(kernel, grid, dim3(kThreads), 0, s, product, out);
}

}  // namespace gibbslab::cuda
