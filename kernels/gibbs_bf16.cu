// The Gibbs half-step of packed 0/1 states on bf16 tensor cores: pre = scale (x op(W)) + bias,
// mean = sigmoid(pre), sample = u < mean. Twin: gibbs_fp32.cu.
//
// x (B, I) bits; W (V, H) float rows, split into planes in registers as they come (gibbs_bf16.cuh);
// op(W) = W (I = V) or W^T (I = H), read where it lies. Out (B, J). A block owns 32 or 64 rows and
// 32 units, its 8 warps share the depth (gibbs_fragments.cuh): at batches of 100 there are too few
// tiles to fill a card with warps that own one each. W is read once by every 64 rows.
#include "kernels/device.cuh"
#include "kernels/gibbs_bf16.cuh"
#include "kernels/gibbs_launch.cuh"
#include "kernels/launch.cuh"

namespace gibbslab::cuda {
namespace {

// ----------------------------------------------------------------------------- kernels

// What one lane needs of a step: sixteen bits of each of its rows, and its weights.
template <int kTiles>
struct HalfStepInput {
  uint32_t pieces[kTiles][2];
  Block4<4> w;
};

template <int kTiles, bool kTransposed>
__device__ __forceinline__ HalfStepInput<kTiles> load_step(const Operand& x, const Operand& w,
                                                           int64_t row, int64_t unit,
                                                           int64_t step) {
  HalfStepInput<kTiles> in;
#pragma unroll
  for (int i = 0; i < 2 * kTiles; ++i) {
    const int64_t r = row + 8 * i + fragment_lane().g;
    const uint64_t* words = x.bits + r * x.stride;
    in.pieces[i / 2][i % 2] =
        r < x.rows ? __ldg(reinterpret_cast<const uint16_t*>(words) + step) : uint16_t{0};
  }
  in.w = load_weights<kTransposed, 4>(w, step * kBf16Depth, unit);
  return in;
}

template <int kTiles, int kPlanes>
__device__ __forceinline__ void multiply(const HalfStepInput<kTiles>& in, Bf16Sums<kTiles>& sum) {
  const int shift = 4 * fragment_lane().t;
  uint32_t states[kTiles][4];
#pragma unroll
  for (int m = 0; m < kTiles; ++m)
    state_fragment(in.pieces[m][0] >> shift, in.pieces[m][1] >> shift, states[m]);
  multiply_step<kTiles, kPlanes>(states, in.w, sum);
}

// kTiles tiles of 16 rows to a block. The next step's weights are on their way during a step.
template <int kTiles, int kPlanes, bool kTransposed>
__global__ void __launch_bounds__(kThreads, kTiles == 2 ? 2 : 1)
    half_step_bf16_kernel(const Operand x, const Operand w, const HalfStepOutput out) {
  alignas(16) __shared__ float memory[kWarps * kTile * kPitch];
  const int64_t row = int64_t{blockIdx.x} * (16 * kTiles), unit = int64_t{blockIdx.y} * kTile;
  const int64_t steps = (x.cols + kBf16Depth - 1) / kBf16Depth;
  Bf16Sums<kTiles> sum = {};
  int64_t step = threadIdx.x / 32;
  HalfStepInput<kTiles> now, next;
  if (step < steps) now = load_step<kTiles, kTransposed>(x, w, row, unit, step);
  for (; step < steps; step += kWarps) {
    if (step + kWarps < steps)
      next = load_step<kTiles, kTransposed>(x, w, row, unit, step + kWarps);
    multiply<kTiles, kPlanes>(now, sum);
    now = next;
  }
  const int64_t r = row + threadIdx.x / 8, c = unit + 4 * (threadIdx.x % 8);
#pragma unroll
  for (int m = 0; m < kTiles; m += 2) {
    if (m > 0) __syncthreads();
    const float4 total = add_warps<float4>(memory, sum.values[m], sum.values[m + 1]);
    finish_quad(out, r + 16 * m, c, pre_activation(out, c, total));
  }
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
