// A neighbour's value through shared memory: with its barriers; and without one of them, for the
// thread sanitizer to find. Run as `test_emulator_races right|barrier|warp|cluster`.
#include <cstdio>

#include "tests/emulator/device_array.h"

namespace gibbslab {
namespace {

template <bool kBarrier>
__global__ void neighbour(const int* in, int* out) {
  __shared__ int tile[64];
  tile[threadIdx.x] = in[threadIdx.x];
  if (kBarrier) __syncthreads();
  out[threadIdx.x] = tile[(threadIdx.x + 33) % 64];
}

// The shuffle hands over a register; it does not order the memory around it.
template <bool kBarrier>
__global__ void neighbour_in_warp(const int* in, int* out) {
  __shared__ int tile[32];
  tile[threadIdx.x] = in[threadIdx.x];
  const int other = __shfl_xor_sync(0xFFFFFFFFu, static_cast<int>(threadIdx.x), 1);
  if (kBarrier) __syncwarp();
  out[threadIdx.x] = tile[other];
}

template <bool kBarrier>
__global__ void neighbour_in_cluster(int* out) {
  int* mine = dynamic_shared<int>();
  mine[threadIdx.x] = static_cast<int>(10 * cluster_rank() + threadIdx.x);
  if (kBarrier) cluster_sync();
  out[blockIdx.x * blockDim.x + threadIdx.x] = map_shared(mine, cluster_rank() ^ 1)[threadIdx.x];
  cluster_sync();
}

// The last block of a reduction reads what the others wrote: ordered by fences and an atomic.
__global__ void last_thread_sums(int* values, unsigned* arrived, int* out) {
  values[threadIdx.x] = static_cast<int>(threadIdx.x);
  __threadfence();
  if (atomicAdd(arrived, 1u) != blockDim.x - 1) return;
  __threadfence();
  int sum = 0;
  for (unsigned i = 0; i < blockDim.x; ++i) sum += values[i];
  *out = sum;
}

void run_right() {
  DeviceArray<int> from(std::vector<int>(64, 3)), to(64), sum(1);
  DeviceArray<unsigned> arrived(std::vector<unsigned>(1, 0));
  for (int repeat = 0; repeat < 20; ++repeat) {
    launch(neighbour<true>, 3, 64, 0, nullptr, from.data(), to.data());
    launch(neighbour_in_warp<true>, 3, 32, 0, nullptr, from.data(), to.data());
    launch_cluster(neighbour_in_cluster<true>, 2, 32, 2, 128, nullptr, to.data());
  }
  launch(last_thread_sums, 1, 64, 0, nullptr, to.data(), arrived.data(), sum.data());
  CHECK(sum.read()[0] == 63 * 64 / 2);
}

}  // namespace
}  // namespace gibbslab

int main(int count, char** names) {
  using namespace gibbslab;
  const std::string name = count > 1 ? names[1] : "right";
  DeviceArray<int> from(std::vector<int>(64, 3)), to(64);
  if (name == "right") run_right();
  if (name == "barrier") launch(neighbour<false>, 3, 64, 0, nullptr, from.data(), to.data());
  if (name == "warp") launch(neighbour_in_warp<false>, 3, 32, 0, nullptr, from.data(), to.data());
  if (name == "cluster")
    launch_cluster(neighbour_in_cluster<false>, 2, 32, 2, 128, nullptr, to.data());
  std::printf("ran %s\n", name.c_str());
  return 0;
}
