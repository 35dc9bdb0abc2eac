// What a barrier costs: of a block, of a cluster, of a whole grid. The time of a launch without
// barriers is taken off.
#include "kernels/launch.cuh"
#include "kernels/leaf.cuh"
#include "tests/bench/micro.cuh"

namespace gibbslab::bench {
namespace {

__global__ void block_barriers(int rounds) {
  for (int i = 0; i < rounds; ++i) __syncthreads();
}

__global__ void cluster_barriers(int rounds) {
  for (int i = 0; i < rounds; ++i) cluster_sync();
}

__global__ void grid_barriers(int rounds) {
  for (int i = 0; i < rounds; ++i) grid_sync();
}

// `start(rounds)` launches a kernel of that many barriers.
template <class Start>
void cost_of(const std::string& name, Clock& clock, const Effort& effort, const Start& start) {
  const int rounds = effort.pick(2000, 3);
  const double with = clock.median(effort.repeats(), [&] { start(rounds); });
  const double without = clock.median(effort.repeats(), [&] { start(0); });
  report("barrier: " + name, 1e9 * (with - without) / rounds, "ns");
}

LaunchPlan clusters(int size, int processors, cudaStream_t s) {
  const int blocks = std::max(1, processors / size) * size;
  LaunchPlan plan(dim3(blocks), dim3(kThreads), 0, s);
  plan.cluster(dim3(size));
  return plan;
}

void of_clusters(Clock& clock, int processors, const Effort& effort) {
  for (const int size : {2, 4, 8, 16}) {
    const void* function = reinterpret_cast<const void*>(cluster_barriers);
    if (clusters(size, processors, clock.stream()).clusters_at_once(function) == 0) continue;
    cost_of("cluster of " + std::to_string(size), clock, effort, [&](int rounds) {
      clusters(size, processors, clock.stream()).run(cluster_barriers, rounds);
    });
  }
}

void of_grids(Clock& clock, int processors, const Effort& effort) {
  for (const int blocks : {std::max(1, processors / 2), processors})
    cost_of("grid of " + std::to_string(blocks), clock, effort, [&](int rounds) {
      launch_cooperative(grid_barriers, dim3(blocks), dim3(kThreads), 0, clock.stream(), rounds);
    });
}

}  // namespace

void barriers(const Effort& effort) {
  Clock clock;
  const int processors = attribute(cudaDevAttrMultiProcessorCount);
  cost_of("block", clock, effort, [&](int rounds) {
    launch(block_barriers, dim3(processors), dim3(kThreads), 0, clock.stream(), rounds);
  });
  if (attribute(cudaDevAttrComputeCapabilityMajor) >= 9) of_clusters(clock, processors, effort);
  if (attribute(cudaDevAttrCooperativeLaunch) != 0) of_grids(clock, processors, effort);
}

}  // namespace gibbslab::bench
