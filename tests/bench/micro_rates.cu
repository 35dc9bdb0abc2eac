// Rates of products in the warp tiles of the kernels, from registers alone, and of copies.
//
// A warp holds kTiles x 4 sums of 16 x 8, as those of kernels/gibbs_fragments.cuh do, of 0/1 states
// and random weights: what the arithmetic could do if operands cost nothing.
#include "csrc/core/philox.h"
#include "kernels/launch.cuh"
#include "kernels/leaf.cuh"
#include "tests/bench/micro.cuh"

namespace gibbslab::bench {
namespace {

constexpr int kBlocksPerProcessor = 2;

struct Bf16 {
  using Sum = float;
  static constexpr int kDepth = 16;
  static constexpr unsigned kStates = 0x3F803F80u, kKept = 0x807F807Fu, kSet = 0x3C003C00u;
  static __device__ void add(Sum (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    mma_bf16_16x8x16(c, a, b);
  }
};
struct Tf32 {
  using Sum = float;
  static constexpr int kDepth = 8;
  static constexpr unsigned kStates = 0x3F800000u, kKept = 0x807FE000u, kSet = 0x3C000000u;
  static __device__ void add(Sum (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    mma_tf32_16x8x8(c, a, b);
  }
};
struct Int8 {
  using Sum = int;
  static constexpr int kDepth = 32;
  static constexpr unsigned kStates = 0x01010101u, kKept = ~0u, kSet = 0u;
  static __device__ void add(Sum (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    mma_s8_16x8x32(c, a, b);
  }
};

// Operands of one lane, drawn: units on or off, and weights around 2^-7 (int8: any).
template <class Format>
__device__ unsigned drawn(int i) {
  const unsigned word = philox(threadIdx.x, i, 7).w[0];
  return i % 2 == 0 ? (word >> 31 ? Format::kStates : 0u) : (word & Format::kKept) | Format::kSet;
}

template <class Format, int kTiles>
__global__ void __launch_bounds__(kThreads)
    tensor_core_products(int rounds, typename Format::Sum* out) {
  unsigned a[kTiles][4], b[4][2];
  for (int i = 0; i < 4 * kTiles; ++i) a[i / 4][i % 4] = drawn<Format>(2 * i);
  for (int i = 0; i < 8; ++i) b[i / 2][i % 2] = drawn<Format>(2 * i + 1);
  typename Format::Sum sums[kTiles][4][4] = {};
  for (int round = 0; round < rounds; ++round)
#pragma unroll
    for (int m = 0; m < kTiles; ++m)
#pragma unroll
      for (int j = 0; j < 4; ++j) Format::add(sums[m][j], a[m], b[j]);
  typename Format::Sum total = 0;
  for (int i = 0; i < 16 * kTiles; ++i) total += sums[i / 16][i / 4 % 4][i % 4];
  out[blockIdx.x * kThreads + threadIdx.x] = total;
}

constexpr int kChains = 32;  // independent sums of a thread

__global__ void __launch_bounds__(kThreads) float_products(int rounds, float factor, float* out) {
  float sums[kChains];
  for (int i = 0; i < kChains; ++i) sums[i] = static_cast<float>(threadIdx.x + i);
  for (int round = 0; round < rounds; ++round)
#pragma unroll
    for (int i = 0; i < kChains; ++i) sums[i] = __fmaf_rn(sums[i], factor, 1.0f);
  float total = 0.0f;
  for (int i = 0; i < kChains; ++i) total += sums[i];
  out[blockIdx.x * kThreads + threadIdx.x] = total;
}

class Rates {
 public:
  explicit Rates(const Effort& effort)
      : effort_(effort),
        blocks_(kBlocksPerProcessor * attribute(cudaDevAttrMultiProcessorCount)),
        out_(static_cast<size_t>(blocks_) * kThreads) {}

  template <class Format, int kTiles>
  void tensor_cores(const char* name) {
    const int rounds = effort_.pick(4000, 2);
    const double seconds = clock_.median(effort_.repeats(), [&] {
      launch(tensor_core_products<Format, kTiles>, dim3(blocks_), dim3(kThreads), 0,
             clock_.stream(), rounds, reinterpret_cast<typename Format::Sum*>(out_.get()));
    });
    const double one = 2.0 * (16 * kTiles) * 32 * Format::kDepth;
    report("products: " + std::string(name) + ", warp tile " + std::to_string(16 * kTiles) + "x32",
           1e-12 * one * rounds * blocks_ * (kThreads / 32) / seconds, "Top/s");
  }

  void floats() {
    const int rounds = effort_.pick(20000, 2);
    const double seconds = clock_.median(effort_.repeats(), [&] {
      launch(float_products, dim3(blocks_), dim3(kThreads), 0, clock_.stream(), rounds, 0.999f,
             out_.get());
    });
    report("products: fp32", 1e-12 * 2.0 * kChains * rounds * blocks_ * kThreads / seconds,
           "Top/s");
  }

  void copies() {
    const size_t bytes = size_t{1} << effort_.pick(29, 20);
    const Zeros<char> from(bytes), to(bytes);
    const double seconds = clock_.median(effort_.repeats(), [&] {
      check(cudaMemcpyAsync(to.get(), from.get(), bytes, cudaMemcpyDeviceToDevice, clock_.stream()),
            "cudaMemcpyAsync");
    });
    report("memory: read and written by a copy", 1e-9 * 2.0 * static_cast<double>(bytes) / seconds,
           "GB/s");
  }

 private:
  Effort effort_;
  int blocks_;
  Zeros<float> out_;
  Clock clock_;
};

}  // namespace

void product_rates(const Effort& effort) {
  Rates rates(effort);
  rates.floats();
  if (attribute(cudaDevAttrComputeCapabilityMajor) >= 8) {
    rates.tensor_cores<Tf32, 2>("tf32");
    rates.tensor_cores<Bf16, 2>("bf16");
    rates.tensor_cores<Bf16, 4>("bf16");
    rates.tensor_cores<Int8, 2>("int8");
  }
  rates.copies();
}

}  // namespace gibbslab::bench
