// How a cluster holds a model that it trains in one launch (cd_resident.cu).
#pragma once

#include <optional>

#include "kernels/cd_run.cuh"

namespace gibbslab::cuda {

constexpr int kWordUnits = 64;  // visible units of a word of states
constexpr int kLargestCluster = 16;

// Where things lie in the shared memory of each block, in bytes. `own` words of visible units are
// a block's own: their rows of W, their biases, their states. Hidden units' are all in every block.
struct CdSlices {
  int blocks = 1, own = 1;
  int stride = 0;           // floats from row to row of the block's weights
  bool velocities = false;  // whether there are any
  int tile = 0;             // working memory of a tile
  int weights = 0, visible_bias = 0, hidden_bias = 0;
  int velocity_weights = 0, velocity_visible_bias = 0, velocity_hidden_bias = 0;
  int v0[2] = {}, v1 = 0, h0 = 0, h1 = 0;  // states; v0 of even and of odd batches
  int trouble = 0;  // three flags of the block's own, then three of the cluster's
  int bytes = 0;
};

// What the environment asks of a run in one launch.
struct CdResidentWish {
  bool wherever_it_fits = false;  // also where the graph has the better chances
  int blocks = 0;                 // of the cluster; 0: as the sizes suggest
};

// How a cluster would hold such a run; nothing where the graph is to do it.
std::optional<CdSlices> resident_slices(const CdRunKey& key, bool velocities,
                                        const CdResidentWish& wish);

// The kernel of such a run (cd_resident.cu).
using CdResidentKernel = void (*)(CdRunJob, CdSlices, CdProgress*);
CdResidentKernel resident_kernel(GibbsArithmetic how);

// Queues it. It reads the first half of the job's state and, where no value becomes non-finite,
// writes the second; progress->batch[0] is how many batches went well.
void queue_resident_run(const CdRunKey& key, const CdSlices& slices, const CdRunJob& job,
                        CdProgress* progress, cudaStream_t s);

}  // namespace gibbslab::cuda
