// Shared memory: static and dynamic, poisoned for every block, exactly sized; clusters; whole
// grids.
#include <cmath>

#include "tests/emulator/device_array.h"

namespace gibbslab {
namespace {

// Leaves something in shared memory and tells what it found there.
template <int kSize>
__global__ void reads_first(unsigned* out) {
  __shared__ float tile[kSize][3];
  __shared__ unsigned count;
  float* more = dynamic_shared<float>();
  const bool poison = std::isnan(tile[kSize - 1][2]) && count == 0xFFFFFFFFu && std::isnan(more[7]);
  __syncthreads();
  if (threadIdx.x == 0) out[blockIdx.x] = poison;
  tile[kSize - 1][2] = 1.0f;
  count = 1;
  more[7] = 1.0f;
}

// The static variables of a function that kernels call; K is a part of its name alone.
template <class K>
__device__ unsigned* of_helper() {
  __shared__ unsigned held[3];
  return held;
}

// Where the kernel's own variable and its helper's lie, and what each block found there.
template <int kKernel>
__global__ void marks(unsigned** where, unsigned* found) {
  __shared__ unsigned own;
  const auto lambda = [] {
    __shared__ unsigned of_lambda;
    return &of_lambda;
  };
  unsigned* all[] = {&own, lambda(), of_helper<void (*)()>() + 2};
  for (int i = 0; i < 3; ++i) {
    where[i] = all[i];
    found[3 * blockIdx.x + i] = *all[i];
    *all[i] = 1;
  }
}

// Its helper's name holds the kernel's own. The engine of threads does not run it.
[[maybe_unused]] __global__ void marks_by_lambda(unsigned* found) {
  const auto lambda = [] {};
  unsigned* at = of_helper<decltype(lambda)>();
  found[blockIdx.x] = *at;
  *at = 1;
}

__global__ void dynamic_address(uintptr_t* out) {
  out[blockIdx.x] = reinterpret_cast<uintptr_t>(dynamic_shared<char>());
}

__device__ int& of_block() {
  __shared__ int number;
  return number;
}

__global__ void static_grid_sum(const int* in, int* out) {
  __shared__ int mine;
  if (threadIdx.x == 0) of_block() = static_cast<int>(blockIdx.x);
  if (threadIdx.x == 0) mine = in[blockIdx.x];
  __syncthreads();
  grid_sync();
  if (threadIdx.x == 0) out[blockIdx.x] = mine;
  grid_sync();
  int sum = 0;
  for (unsigned b = 0; b < gridDim.x; ++b) sum += out[b];
  grid_sync();
  if (threadIdx.x == 0) out[blockIdx.x] = sum + mine + 1000 * of_block();
}

// Each block of a cluster gathers one number from every other.
__global__ void gather(int* out) {
  int* mine = dynamic_shared<int>();
  if (threadIdx.x == 0) *mine = static_cast<int>(blockIdx.x * 10);
  cluster_sync();
  if (threadIdx.x < cluster_size())
    out[blockIdx.x * cluster_size() + threadIdx.x] = *map_shared(mine, threadIdx.x);
  cluster_sync();
}

__global__ void pushes(int* out) {
  int* mine = dynamic_shared<int>();
  if (threadIdx.x == 0) mine[0] = 0;
  cluster_sync();
  atomicAdd(map_shared(mine, (cluster_rank() + 1) % cluster_size()), 1);
  cluster_sync();
  if (threadIdx.x == 0) out[blockIdx.x] = mine[0];
}

__global__ void maps_wrongly(int rank, int* global) {
  map_shared(rank < 0 ? global : dynamic_shared<int>(),
             rank < 0 ? 0u : static_cast<unsigned>(rank));
}

__global__ void leaves_cluster() {
  if (cluster_rank() == 1) return;
  cluster_sync();
}

__global__ void copies_async(const float* in, float* out, bool waits) {
  float* tile = dynamic_shared<float>();
  cp_async<16>(tile + 4 * threadIdx.x, in + 4 * threadIdx.x, threadIdx.x != 3);
  cp_async_commit();
  cp_async<4>(tile + 128 + threadIdx.x, in + threadIdx.x);
  cp_async_commit();
  if (waits) cp_async_wait<1>();
  __syncthreads();
  for (int i = 0; i < 4; ++i) out[4 * threadIdx.x + i] = tile[127 - 4 * threadIdx.x - i];
  out[128 + threadIdx.x] = tile[128 + threadIdx.x];
  __syncthreads();
  cp_async_wait<0>();
}

}  // namespace

#ifndef GIBBSLAB_EMULATOR_THREADS  // threads race for the marks they leave
TEST(shared_memory_is_poisoned_for_every_block) {
  DeviceArray<unsigned> out(8), other(8);
  launch(reads_first<5>, 8, 32, 32, nullptr, out.data());
  launch(reads_first<9>, 8, 32, 32, nullptr, other.data());
  for (const unsigned poison : out.read()) CHECK(poison == 1);
  for (const unsigned poison : other.read()) CHECK(poison == 1);
}

TEST(statics_of_helpers_and_of_lambdas_are_poisoned_too) {
  DeviceArray<unsigned*> where(3);
  DeviceArray<unsigned> found(4 * 3), by_lambda(4);
  launch(marks<1>, 4, 1, 0, nullptr, where.data(), found.data());
  for (const unsigned value : found.read()) CHECK(value == 0xFFFFFFFFu);
  launch(marks_by_lambda, 4, 1, 0, nullptr, by_lambda.data());
  for (const unsigned value : by_lambda.read()) CHECK(value == 0xFFFFFFFFu);
}

// What one kernel declares no other can use, so that no other pays for it.
TEST(statics_of_other_kernels_are_left_alone) {
  DeviceArray<unsigned*> of_one(3), of_two(3);
  DeviceArray<unsigned> found(3);
  launch(marks<1>, 1, 1, 0, nullptr, of_one.data(), found.data());
  launch(marks<2>, 1, 1, 0, nullptr, of_two.data(), found.data());
  const std::vector<unsigned*> one = of_one.read(), two = of_two.read();
  CHECK(one[0] != two[0] && one[1] != two[1] && one[2] == two[2]);
  DeviceArray<unsigned> by_lambda(1);
  launch(marks_by_lambda, 1, 1, 0, nullptr, by_lambda.data());
  CHECK(*one[0] == 1 && *one[1] == 1 && *two[0] == 1 && *two[1] == 1);
  CHECK(*one[2] == 0xFFFFFFFFu);
}
#endif

TEST(dynamic_shared_memory_is_aligned) {
  DeviceArray<uintptr_t> out(2);
  launch(dynamic_address, 2, 1, 100 * 1024, nullptr, out.data());
  for (const uintptr_t at : out.read()) CHECK(at % 128 == 0);
}

TEST(too_much_shared_memory_is_refused) {
  DeviceArray<uintptr_t> out(1);
  CHECK_THROWS(DeviceError, "dynamic_address",
               launch(dynamic_address, 1, 1, 228 * 1024, nullptr, out.data()));
  CHECK(cudaDeviceSynchronize() == cudaSuccess);
}

#ifndef GIBBSLAB_EMULATOR_THREADS
TEST(grid_barrier_keeps_static_shared_memory_apart) {
  DeviceArray<int> in(std::vector<int>{1, 20, 300}), out(3);
  launch_cooperative(static_grid_sum, 3, 64, 0, nullptr, in.data(), out.data());
  CHECK((out.read() == std::vector<int>{322, 1341, 2621}));
}
#endif

TEST(cooperative_grid_must_fit) {
  DeviceArray<int> in(1), out(1);
  CHECK_THROWS(DeviceError, "cudaErrorCooperativeLaunchTooLarge",
               launch_cooperative(static_grid_sum, 4096, 64, 0, nullptr, in.data(), out.data()));
}

TEST(clusters_share_their_memory) {
  DeviceArray<int> out(8 * 4);
  launch_cluster(gather, 8, 32, 4, 16, nullptr, out.data());
  const std::vector<int> got = out.read();
  for (int b = 0; b < 8; ++b)
    for (int r = 0; r < 4; ++r) CHECK(got[4 * b + r] == 10 * (b / 4 * 4 + r));
  DeviceArray<int> counts(32);
  launch_cluster(pushes, 32, 32, 16, 16, nullptr, counts.data());
  for (const int count : counts.read()) CHECK(count == 32);
}

TEST(wrong_clusters_are_reported) {
  DeviceArray<int> out(1);
  expect_report({"maps_wrongly", "no block 2"},
                [&] { launch_cluster(maps_wrongly, 2, 1, 2, 16, nullptr, 2, out.data()); });
  expect_report({"not an address of this block"},
                [&] { launch_cluster(maps_wrongly, 2, 1, 2, 16, nullptr, -1, out.data()); });
  expect_report({"cluster_sync", "leaves_cluster"},
                [] { launch_cluster(leaves_cluster, 2, 32, 2, 16, nullptr); });
  CHECK_THROWS(DeviceError, "cudaErrorInvalidClusterSize",
               launch_cluster(leaves_cluster, 3, 32, 2, 16, nullptr));
}

TEST(async_copies_arrive_when_waited_for) {
  std::vector<float> in(128);
  for (size_t i = 0; i < in.size(); ++i) in[i] = static_cast<float>(i + 1);
  DeviceArray<float> from(in), to(160);
  launch(copies_async, 1, 32, 640, nullptr, from.data(), to.data(), true);
  std::vector<float> out = to.read();
  for (int i = 0; i < 128; ++i) CHECK(out[i] == (i / 4 == 28 ? 0.0f : in[127 - i]));
  for (int i = 128; i < 160; ++i) CHECK(std::isnan(out[i]));  // the second group: not waited for
  launch(copies_async, 1, 32, 640, nullptr, from.data(), to.data(), false);
  for (const float x : to.read()) CHECK(std::isnan(x));
}

}  // namespace gibbslab
