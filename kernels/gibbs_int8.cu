// The Gibbs half-step of packed 0/1 states on int8 tensor cores: pre = scale (x op(W)) + bias,
// mean = sigmoid(pre), sample = u < mean. Twin: gibbs_fp32.cu.
//
// Weights are rounded to whole multiples of one power of two in three planes (fixed_point.h), whose
// sums are integers, exact in any order (up to 16 million inputs). The sum is rounded once, to
// float32. csrc/cpu/fixed_point.cpp finds the same bits.
//
// x (B, I) bits; W (V, H) float rows, op(W) = W (I = V) or W^T (I = H). Out (B, J). A block owns 32
// rows and 32 units, its 8 warps share the depth, 32 at a time (gibbs_fragments.cuh).
#include <algorithm>

#include "csrc/core/fixed_point.h"
#include "kernels/device.cuh"
#include "kernels/gibbs_fragments.cuh"
#include "kernels/gibbs_launch.cuh"
#include "kernels/launch.cuh"
#include "kernels/leaf.cuh"

namespace gibbslab::cuda {
namespace {

// ----------------------------------------------------------------------------- kernels

constexpr int kInt8Depth = 32;           // of one step
constexpr int64_t kMostSearchers = 512;  // blocks that look for the largest weight
constexpr int kPlanes = 3;

// The sums of a warp: [plane][tile of 16 rows][tile of 8 columns][register].
struct Int8Sums {
  int values[kPlanes][2][4][4];
};

// *out is raised to the largest magnitude of w, as bits, which are ordered as the numbers are.
__global__ void __launch_bounds__(kThreads) largest_kernel(const Operand w, uint32_t* out) {
  uint32_t largest = 0;
  for (int64_t r = blockIdx.x; r < w.rows; r += gridDim.x)
    for (int64_t c = threadIdx.x; c < w.cols; c += kThreads)
      largest = max(largest, __float_as_uint(w.dense[r * w.stride + c]) & 0x7FFFFFFFu);
  for (int flips = 16; flips > 0; flips /= 2)
    largest = max(largest, __shfl_xor_sync(kAll, largest, flips));
  if (threadIdx.x % 32 == 0) atomicMax(out, largest);
}

// The bytes of four bits.
__device__ __forceinline__ uint32_t bytes_of(uint32_t nibble) {
  return (nibble & 15u) * 0x00204081u & 0x01010101u;
}

// The low bytes of four numbers.
__device__ __forceinline__ uint32_t pack_bytes(const int (&q)[4]) {
  const uint32_t low = __byte_perm(q[0], q[1], 0x0040), high = __byte_perm(q[2], q[3], 0x0040);
  return __byte_perm(low, high, 0x5410);
}

// Takes the least significant plane off four numbers.
__device__ __forceinline__ uint32_t take_digits(int (&q)[4]) {
  const uint32_t digits = pack_bytes(q);
#pragma unroll
  for (int i = 0; i < 4; ++i) q[i] = (q[i] - static_cast<int8_t>(q[i])) >> 8;
  return digits;
}

// planes[p][i]: the lane's fragment of plane p of tile j of the columns.
__device__ __forceinline__ void split(const Block4<8>& w, int j, float per_step,
                                      uint32_t (&planes)[kPlanes][2]) {
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    int q[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) q[i] = __float2int_rn(w.values[4 * half + i][j] * per_step);
#pragma unroll
    for (int p = 0; p < kPlanes; ++p) planes[p][half] = take_digits(q);
  }
}

// The fragments of the lane's rows: bits 8 t ... 8 t + 7 of the step.
__device__ __forceinline__ void load_states(const Operand& x, int64_t row, int64_t step,
                                            uint32_t (&states)[2][4]) {
  const Lane4x8 lane = fragment_lane();
  const bool swapped = fault("kernel_swapped_fragment");
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const int64_t r = row + 8 * i + lane.g;
    const uint32_t byte = r < x.rows ? bits32(x, r, step) >> (8 * lane.t) : 0u;
    states[i / 2][swapped ? 2 * (i % 2) : i % 2] = bytes_of(byte);
    states[i / 2][swapped ? 2 * (i % 2) + 1 : 2 + i % 2] = bytes_of(byte >> 4);
  }
}

// `spoiled` is 0, or NaN where a weight is not finite.
__device__ __forceinline__ float rounded_sum(int high, int middle, int low, int exponent,
                                             float spoiled) {
  return sum_of_steps((int64_t{high} * 256 + middle) * 256 + low, exponent, spoiled);
}

template <bool kTransposed>
__device__ __forceinline__ void multiply(const Operand& x, const Operand& w, int64_t row,
                                         int64_t unit, float per_step, Int8Sums& sum) {
  const int64_t steps = (x.cols + kInt8Depth - 1) / kInt8Depth;
  for (int64_t step = threadIdx.x / 32; step < steps; step += kWarps) {
    const Block4<8> block = load_weights<kTransposed, 8>(w, step * kInt8Depth, unit);
    uint32_t states[2][4];
    load_states(x, row, step, states);
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      uint32_t planes[kPlanes][2];
      split(block, j, per_step, planes);
#pragma unroll
      for (int p = 0; p < kPlanes; ++p)
#pragma unroll
        for (int m = 0; m < 2; ++m) mma_s8_16x8x32(sum.values[p][m][j], states[m], planes[p]);
    }
  }
}

template <bool kTransposed>
__global__ void __launch_bounds__(kThreads)
    half_step_int8_kernel(const Operand x, const Operand w, const uint32_t* largest,
                          const HalfStepOutput out) {
  alignas(16) __shared__ int memory[kWarps * kTile * kPitch];
  const int64_t row = int64_t{blockIdx.x} * kTile, unit = int64_t{blockIdx.y} * kTile;
  const int exponent = step_exponent(*largest);
  const float spoiled = __uint_as_float(*largest) * 0.0f;
  Int8Sums sum = {};
  multiply<kTransposed>(x, w, row, unit, power_of_two(-exponent), sum);
  int4 digits[kPlanes];
#pragma unroll
  for (int p = 0; p < kPlanes; ++p) {
    if (p > 0) __syncthreads();
    digits[p] = add_warps<int4>(memory, sum.values[p][0], sum.values[p][1]);
  }
  const float4 total =
      make_float4(rounded_sum(digits[2].x, digits[1].x, digits[0].x, exponent, spoiled),
                  rounded_sum(digits[2].y, digits[1].y, digits[0].y, exponent, spoiled),
                  rounded_sum(digits[2].z, digits[1].z, digits[0].z, exponent, spoiled),
                  rounded_sum(digits[2].w, digits[1].w, digits[0].w, exponent, spoiled));
  const int64_t r = row + threadIdx.x / 8, c = unit + 4 * (threadIdx.x % 8);
  finish_quad(out, r, c, pre_activation(out, c, total));
}

}  // namespace

// --------------------------------------------------------------------------- launchers

void half_step_int8(const HalfStepProduct& product, const HalfStepOutput& out, cudaStream_t s) {
  const Scratch<uint32_t> largest(1);
  device_memory().clear(largest.get(), sizeof(uint32_t));
  const int64_t blocks = std::min<int64_t>(product.w.rows, kMostSearchers);
  launch(largest_kernel, dim3(static_cast<unsigned>(blocks)), dim3(kThreads), 0, s, product.w,
         largest.get());
  const auto kernel =
      product.transposed ? half_step_int8_kernel<true> : half_step_int8_kernel<false>;
  launch(kernel, dim3(tiles(out.rows), tiles(out.cols)), dim3(kThreads), 0, s, product.x, product.w,
         largest.get(), out);
}

}  // namespace gibbslab::cuda
