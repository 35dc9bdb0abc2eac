// The statistics of contrastive divergence in float32, and the update that follows:
//   g = scale (weight0 v0^T h0 + weight1 v1^T h1), then stored or applied.
//
// v0 (B, V), h0 (B, H), v1 (C, V), h1 (C, H): each float rows or packed bits. Both outer products
// are one sum of depth B + C, the signs in the weights. A block owns 32 x 32 results, see
// gibbs_tile.cuh; the chunks of the first batch come first. Any mix of operands, on any card.
#include "kernels/cd_epilogue.cuh"
#include "kernels/gibbs_tile.cuh"
#include "kernels/launch.cuh"

namespace gibbslab::cuda {
namespace {

// ----------------------------------------------------------------------------- kernels

union CdMemory {
  TileMemory tile;
  float transposed[kTile * (kTile + 1)];
};

template <bool kUpdate>
__global__ void __launch_bounds__(kThreads, 2)
    cd_fp32_kernel(const CdProduct product, const CdOutput out) {
  __shared__ CdMemory memory;
  const int64_t row = int64_t{blockIdx.x} * kTile, col = int64_t{blockIdx.y} * kTile;
  const int slow = threadIdx.x / 8, fast = 4 * (threadIdx.x % 8);
  const int64_t chunks0 = (product.v0.rows + kTile - 1) / kTile,
                chunks1 = (product.v1.rows + kTile - 1) / kTile;
  const auto fetch = [&](int64_t chunk) {
    const bool first = chunk < chunks0;
    const Operand &v = first ? product.v0 : product.v1, &h = first ? product.h0 : product.h1;
    const int64_t depth = (first ? chunk : chunk - chunks0) * kTile + slow;
    return Quads{quad(v, depth, row + fast),
                 times(quad(h, depth, col + fast), first ? product.weight0 : product.weight1)};
  };
  const float4 sum = tile_product<false, false>(memory.tile, chunks0 + chunks1, fetch);
  finish_tile<kUpdate>(out, memory.transposed, row, col, times(sum, product.scale));
}

}  // namespace

// --------------------------------------------------------------------------- launchers

void cd_fp32(const CdProduct& product, const CdOutput& out, cudaStream_t s) {
  const dim3 grid(tiles(out.rows), tiles(out.cols));
  const auto kernel = out.gradient != nullptr ? cd_fp32_kernel<false> : cd_fp32_kernel<true>;
  launch(kernel, grid, dim3(kThreads), 0, s, product, out);
}

}  // namespace gibbslab::cuda
