// The statistics of contrastive divergence on bf16 tensor cores, and the update that follows:
//   g = scale (weight0 v0^T h0 + weight1 v1^T h1), then stored or applied. Twin: cd_fp32.cu.
//
// v0 (B, V), v1 (C, V) packed bits; h0 (B, H), h1 (C, H) float rows or bits, split into planes in
// registers as they come (gibbs_bf16.cuh). Both outer products are one sum of depth B + C, the
// signs in the weights; the 8 warps of a block, which owns 32 visible x 32 hidden units, share it
// in steps of 16 rows (gibbs_fragments.cuh), those of the first batch first.
#include "kernels/cd_bf16.cuh"
#include "kernels/launch.cuh"

namespace gibbslab::cuda {
namespace {

// ----------------------------------------------------------------------------- kernels

template <int kPlanes, bool kUpdate>
__global__ void __launch_bounds__(kThreads, 2)
    cd_bf16_kernel(const CdProduct product, const CdOutput out) {
  alignas(16) __shared__ float memory[kWarps * kTile * kPitch];
  const int64_t row = int64_t{blockIdx.x} * kTile, col = int64_t{blockIdx.y} * kTile;
  cd_bf16_tile<kPlanes, kUpdate>(product, out, row, col, memory);
}

}  // namespace

// --------------------------------------------------------------------------- launchers

void cd_bf16(const CdProduct& product, const CdOutput& out, int planes, cudaStream_t s) {
  const bool update = out.gradient == nullptr;
  const auto kernel = planes == 2 ? (update ? cd_bf16_kernel<2, true> : cd_bf16_kernel<2, false>)
                                  : (update ? cd_bf16_kernel<3, true> : cd_bf16_kernel<3, false>);
  launch(kernel, dim3(tiles(out.rows), tiles(out.cols)), dim3(kThreads), 0, s, product, out);
}

}  // namespace gibbslab::cuda
