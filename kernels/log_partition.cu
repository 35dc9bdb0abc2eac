// log Z of a small Bernoulli RBM: every state of the smaller layer.
//
// Z = sum_s exp(c.s) prod_j (1 + exp(d_j + (s M)_j)), s the smaller layer (n units) with biases c,
// d the other layer's biases (N units), M (n, N) the weights between; all times beta, in float64.
//
// A state is a high part and kLowBits low bits. low[j, t], (N, 256), holds what the low bits t add
// to input j, once for all. A block owns a high part: its threads share the inputs
// d_j + (high part M)_j, 256 at a time, and thread t owns the state whose low bits are t, so that a
// state costs one addition and one softplus for each unit of the other layer. The block's 256
// log-weights are summed in a fixed order, and so are the blocks' sums at the end.
#include "kernels/log_partition.cuh"

#include <algorithm>

#include "csrc/core/faults.h"
#include "csrc/core/interrupt.h"
#include "kernels/check.cuh"
#include "kernels/device.cuh"
#include "kernels/launch.cuh"
#include "kernels/reduction.cuh"
#include "kernels/softplus.cuh"

namespace gibbslab::cuda {
namespace {

constexpr int kLowBits = 8, kStates = 1 << kLowBits;

struct Layers {
  const float* weights;  // M[u, j] at u * unit_step + j * other_step
  int64_t unit_step, other_step;
  const float *unit_bias, *other_bias;
  int64_t units, others;
  double beta;
  int low_bits;  // kLowBits, or all units where there are fewer

  __device__ double weight(int64_t u, int64_t j) const {
    return beta * weights[u * unit_step + j * other_step];
  }
};

// ------------------------------------------------------------------------------------ kernels

// A block to a unit j of the other layer, a thread to a state t of the low bits.
__global__ void __launch_bounds__(kStates) low_inputs(Layers layers, double* low) {
  const int64_t j = blockIdx.x, t = threadIdx.x;
  double sum = 0;
  for (int u = 0; u < layers.low_bits; ++u)
    if (t >> u & 1) sum += layers.weight(u, j);
  low[j * kStates + t] = sum;
}

__device__ inline double high_input(const Layers& layers, uint64_t high, int64_t j) {
  double sum = layers.beta * layers.other_bias[j];
  for (int64_t u = layers.low_bits; u < layers.units; ++u)
    if (high >> (u - layers.low_bits) & 1) sum += layers.weight(u, j);
  return sum;
}

__device__ inline double bias_of(const Layers& layers, uint64_t state) {
  double sum = 0;
  for (int64_t u = 0; u < layers.units; ++u)
    if (state >> u & 1) sum += layers.beta * layers.unit_bias[u];
  return sum;
}

// log(sum(exp(value(i)))) over i < n, in every thread; a thread adds every kStates-th.
template <class Value>
__device__ double log_sum_exp(int64_t n, Value value) {
  double largest = -HUGE_VAL, sum = 0;
  for (int64_t i = threadIdx.x; i < n; i += kStates) largest = fmax(largest, value(i));
  largest = block_max<kStates>(largest);
  for (int64_t i = threadIdx.x; i < n; i += kStates) sum += exp(value(i) - largest);
  return largest + log(block_sum<kStates>(sum));
}

// sums[high] = the log of the sum over the states whose high part is `high`.
__global__ void __launch_bounds__(kStates, 2)
    sum_states(Layers layers, const double* low, uint64_t first, double* sums) {
  __shared__ double inputs[kStates];
  const uint64_t high = first + blockIdx.x;
  const int64_t t = threadIdx.x;
  SoftplusSum softplus;
  for (int64_t begin = 0; begin < layers.others; begin += kStates) {
    if (begin + t < layers.others) inputs[t] = high_input(layers, high, begin + t);
    if (!fault("kernel_missing_barrier")) __syncthreads();
    const int64_t left = layers.others - begin, count = left < kStates ? left : kStates;
    for (int64_t j = 0; j < count; ++j) softplus.add(inputs[j] + low[(begin + j) * kStates + t]);
    __syncthreads();
  }
  const double mine =
      softplus.value() + bias_of(layers, high << layers.low_bits | static_cast<uint64_t>(t));
  const double total = log_sum_exp(int64_t{1} << layers.low_bits, [mine](int64_t) { return mine; });
  if (t == 0) sums[high] = total;
}

__global__ void __launch_bounds__(kStates) sum_blocks(const double* sums, int64_t n, double* out) {
  const double total = log_sum_exp(n, [sums](int64_t i) { return sums[i]; });
  if (threadIdx.x == 0) *out = total;
}

// ---------------------------------------------------------------------------------- launchers

Layers split(const RbmView& rbm) {
  const Tensor& w = *rbm.weights;
  const bool visible_smaller = w.rows() < w.cols();
  const float* a = rbm.visible_bias->data();
  const float* b = rbm.hidden_bias->data();
  Layers out{};
  out.weights = w.data();
  out.unit_step = visible_smaller ? w.stride() : 1;
  out.other_step = visible_smaller ? 1 : w.stride();
  out.unit_bias = visible_smaller ? a : b;
  out.other_bias = visible_smaller ? b : a;
  out.units = std::min(w.rows(), w.cols());
  out.others = std::max(w.rows(), w.cols());
  out.beta = rbm.beta;
  out.low_bits = static_cast<int>(std::min<int64_t>(out.units, kLowBits));
  return out;
}

}  // namespace

double enumerate_log_partition(const RbmView& rbm) {
  const Layers layers = split(rbm);
  const int64_t blocks = int64_t{1} << (layers.units - layers.low_bits);
  const Scratch<double> low(layers.others * kStates), sums(blocks), total(1);
  const dim3 threads(kStates);
  launch(low_inputs, dim3(static_cast<unsigned>(layers.others)), threads, 0, stream(), layers,
         low.get());
  // Softplus evaluations between two looks at Ctrl-C.
  constexpr int64_t kRound = int64_t{1} << 30;
  const int64_t round = std::max<int64_t>(1, kRound / kStates / layers.others);
  for (int64_t first = 0; first < blocks; first += round) {
    const dim3 grid(static_cast<unsigned>(std::min(round, blocks - first)));
    launch(sum_states, grid, threads, 0, stream(), layers, low.get(), static_cast<uint64_t>(first),
           sums.get());
    if (first + round < blocks) check(cudaStreamSynchronize(stream()), "cudaStreamSynchronize");
    poll_interrupt();
  }
  launch(sum_blocks, dim3(1), threads, 0, stream(), sums.get(), blocks, total.get());
  double result = 0;
  download(&result, total.get(), 1);
  return result;
}

}  // namespace gibbslab::cuda
