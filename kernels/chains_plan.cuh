// How many chains and blocks share a group (chains.cuh), and the two kernels that then run.
#pragma once

#include "csrc/ops/chains.h"
#include "kernels/chains.cuh"
#include "kernels/device.cuh"
#include "kernels/launch.cuh"

namespace gibbslab::cuda {

// What besides the sizes decides the shared memory: sums of log-weights, clamped units.
struct ChainNeeds {
  bool weighed = false, clamped = false;
};

// The operands of a job: padded copies where they were not padded.
struct ChainOperands {
  Tensor w, wt, a, b;
  ChainOperands(const Context& ctx, const ChainModel& model);
};

// The job with the form chosen for it, and how many threads a block of it has.
struct ChainPlan {
  ChainJob job;
  unsigned threads = 0;

  template <class Kernel, class... A>
  void launch(Kernel kernel, A&&... args) const;
};

using ChainKernel = const void*;
ChainPlan plan_chains(const ChainOperands& model, int64_t chains, ChainNeeds needs,
                      ChainKernel kernel);

void anneal(const Context& ctx, const Anneal& job);
void sweep_chains(const Context& ctx, const ChainSweeps& job);

template <class Kernel, class... A>
void ChainPlan::launch(Kernel kernel, A&&... args) const {
  const int64_t groups =
      (job.chains - (fault("kernel_last_chain_group") ? 1 : 0) + job.group - 1) / job.group;
  const dim3 grid(static_cast<unsigned>(groups * job.blocks));
  LaunchPlan start(grid, dim3(threads), static_cast<size_t>(job.bytes), stream());
  if (job.blocks > 1) start.cluster(dim3(static_cast<unsigned>(job.blocks)));
  start.run(kernel, job, std::forward<A>(args)...);
}

}  // namespace gibbslab::cuda
