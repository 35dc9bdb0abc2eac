// Block barriers: what they order, and what is reported when threads do not meet at them.
#include "tests/emulator/device_array.h"

namespace gibbslab {
namespace {

constexpr int kThreads = 256;

// Each thread reads what its mirror wrote, ten times over.
__global__ void __launch_bounds__(kThreads) mirror(const int* in, int* out) {
  __shared__ int tile[kThreads];
  const int t = threadIdx.x, at = blockIdx.x * blockDim.x + t;
  int value = in[at];
  for (int round = 0; round < 5; ++round) {
    tile[t] = value + 1;
    __syncthreads();
    value = tile[kThreads - 1 - t];
    __syncthreads();
  }
  out[at] = value;
}

template <int kSize>
__global__ void sum_tree(const float* in, float* out) {
  __shared__ float part[kSize];
  part[threadIdx.x] = in[blockIdx.x * kSize + threadIdx.x];
  __syncthreads();
  for (int half = kSize / 2; half > 0; half /= 2) {
    if (static_cast<int>(threadIdx.x) < half) part[threadIdx.x] += part[threadIdx.x + half];
    __syncthreads();
  }
  if (threadIdx.x == 0) out[blockIdx.x] = part[0];
}

__global__ void count_votes(int* out) {
  const int t = threadIdx.x;
  const int odd = __syncthreads_count(t % 2);
  const int all = __syncthreads_and(t >= 0), none = __syncthreads_or(t < 0);
  const int some = __syncthreads_or(t == 7), most = __syncthreads_and(t != 7);
  out[t] = odd * 10000 + all * 1000 + none * 100 + some * 10 + most;
}

__global__ void returns_early() {
  if (threadIdx.x == 3) return;
  __syncthreads();
}

__global__ void two_barriers() {
  if (threadIdx.x < 16)
    __syncthreads();
  else
    __syncthreads();
}

__global__ void other_kind() {
  if (threadIdx.x < 32)
    __syncthreads();
  else
    __syncwarp();
}

__global__ void mixed_wait() {
  if (threadIdx.x == 5)
    __syncthreads();
  else
    __syncwarp();
}

}  // namespace

TEST(barrier_orders_shared_memory) {
  const int blocks = 256;
  std::vector<int> in(blocks * kThreads);
  for (size_t i = 0; i < in.size(); ++i) in[i] = static_cast<int>(i * 7);
  DeviceArray<int> from(in), to(in.size());
  launch(mirror, blocks, kThreads, 0, nullptr, from.data(), to.data());
  const std::vector<int> out = to.read();
  for (int b = 0; b < blocks; ++b)
    for (int t = 0; t < kThreads; ++t)
      CHECK(out[b * kThreads + t] == in[b * kThreads + kThreads - 1 - t] + 5);
}

TEST(tree_of_a_template) {
  std::vector<float> in(3 * 128);
  for (size_t i = 0; i < in.size(); ++i) in[i] = static_cast<float>(i);
  DeviceArray<float> from(in), to(3);
  launch(sum_tree<128>, 3, 128, 0, nullptr, from.data(), to.data());
  for (int b = 0; b < 3; ++b) CHECK_NEAR(to.read()[b], 128 * (128 * b + 63.5), 0);
}

TEST(barriers_that_vote) {
  DeviceArray<int> to(64);
  launch(count_votes, 1, 64, 0, nullptr, to.data());
  for (const int got : to.read()) CHECK(got == 32 * 10000 + 1000 + 10);
}

TEST(early_return_is_reported) {
  expect_report(
      {"returns_early", "__syncthreads", "divergent", "thread (3,0,0)", "test_barriers.cu"},
      [] { launch(returns_early, 2, 64, 0, nullptr); });
}

TEST(two_places_are_reported) {
  expect_report({"two_barriers", "divergent __syncthreads"},
                [] { launch(two_barriers, 1, 32, 0, nullptr); });
}

TEST(barrier_against_return_is_reported) {
  expect_report({"other_kind", "divergent"}, [] { launch(other_kind, 1, 64, 0, nullptr); });
}

TEST(deadlock_is_reported) {
  expect_report({"mixed_wait", "deadlock", "__syncthreads", "__syncwarp of mask 0xffffffff"},
                [] { launch(mixed_wait, 1, 32, 0, nullptr); });
}

TEST(lost_device_stays_lost_until_reset) {
  CHECK_THROWS(DeviceError, "cudaErrorLaunchFailure", launch(two_barriers, 1, 32, 0, nullptr));
  CHECK(cudaDeviceSynchronize() == cudaErrorLaunchFailure);
  int* at = nullptr;
  CHECK(cudaMalloc(&at, 4) == cudaErrorLaunchFailure);
  gibbslab_emulator_reset();
  CHECK(cudaDeviceSynchronize() == cudaSuccess);
}

TEST(empty_grid_is_not_launched) {
  launch(two_barriers, 0, 32, 0, nullptr);
  launch(two_barriers, dim3(4, 0), 32, 0, nullptr);
  CHECK(cudaGetLastError() == cudaSuccess);
}

}  // namespace gibbslab
