// The Gibbs half-step of packed 0/1 states on bf16 tensor cores: pre = scale (x op(W)) + bias,
// mean = sigmoid(pre), sample = u < mean. Twin: gibbs_fp32.cu.
//
// x (B, I) bits; W (V, H) float rows, split into planes in registers as they come (gibbs_bf16.cuh);
// op(W) = W (I = V) or W^T (I = H), read where it lies. Out (B, J). A block owns 32 or 64 rows and
// 32 units, its 8 warps share the depth (gibbs_fragments.cuh): at batches of 100 there are too few
// tiles to fill a card with warps that own one each. W is read once by every 64 rows.
#include "kernels/device.cuh"
#include "kernels/gibbs_launch.cuh"
#include "kernels/half_step_bf16.cuh"
#include "kernels/launch.cuh"

namespace gibbslab::cuda {
namespace {

// ----------------------------------------------------------------------------- kernels

// kTiles tiles of 16 rows to a block.
template <int kTiles, int kPlanes, bool kTransposed>
__global__ void __launch_bounds__(kThreads, kTiles == 2 ? 2 : 1)
    half_step_bf16_kernel(const Operand x, const Operand w, const HalfStepOutput out) {
  alignas(16) __shared__ float memory[kWarps * kTile * kPitch];
  const int64_t row = int64_t{blockIdx.x} * (16 * kTiles), unit = int64_t{blockIdx.y} * kTile;
  half_step_bf16_tile<kTiles, kPlanes, kTransposed>(x, SameRows{}, w, out, row, unit, memory);
}

// --------------------------------------------------------------------------- launchers

template <int kTiles, int kPlanes>
void run(const HalfStepProduct& product, const HalfStepOutput& out, cudaStream_t s) {
  const unsigned row_tiles = static_cast<unsigned>((out.rows + 16 * kTiles - 1) / (16 * kTiles));
  const auto kernel = product.transposed ? half_step_bf16_kernel<kTiles, kPlanes, true>
                                         : half_step_bf16_kernel<kTiles, kPlanes, false>;
  launch(kernel, dim3(row_tiles, tiles(out.cols)), dim3(kThreads), 0, s, product.x, product.w, out);
}

// Tall tiles read the weights half as often; short ones are twice as many. The sums are the same.
bool tall(const HalfStepOutput& out) {
  return int64_t{tiles(out.rows)} * tiles(out.cols) >= 8 * int64_t{multiprocessors()};
}

}  // namespace

void half_step_bf16(const HalfStepProduct& product, const HalfStepOutput& out, int planes,
                    cudaStream_t s) {
  if (planes == 2)
    tall(out) ? run<4, 2>(product, out, s) : run<2, 2>(product, out, s);
  else
    tall(out) ? run<4, 3>(product, out, s) : run<2, 3>(product, out, s);
}

}  // namespace gibbslab::cuda
