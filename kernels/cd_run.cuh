// Batches of contrastive divergence that run without the host: what both forms of a run share.
//
// All that a batch changes is there twice. Batch i reads the half i % 2 and writes the other: one
// that turns out to become non-finite, of which later batches are told by a flag, leaves the half
// that it read as it was.
#pragma once

#include "csrc/ops/cd_run.h"
#include "kernels/device.cuh"
#include "kernels/gibbs_launch.cuh"

namespace gibbslab::cuda {

constexpr int kMostSweeps = 16;
constexpr int kMostPasses = 2 * kMostSweeps + 1;

// One half of what a batch changes. All (V, H) matrices have the same row stride.
struct CdParameters {
  float *weights = nullptr, *visible_bias = nullptr, *hidden_bias = nullptr;
  float *velocity_weights = nullptr, *velocity_visible_bias = nullptr,
        *velocity_hidden_bias = nullptr;  // or null, all three
};

// A half-step of each batch. Number 0 goes up from the data, odd ones go down, even ones up.
struct CdPass {
  const uint64_t* from[2] = {};  // states that go in, by the parity of the batch
  uint64_t* to[2] = {};          // states that come out; null: none are drawn
  float* mean = nullptr;         // probabilities that come out, or null
  int draw = 0;                  // the number of the draw in its batch
};

// The whole run, in device memory.
struct CdRunJob {
  CdParameters parameters[2];
  int64_t visible = 0, hidden = 0;  // V, H
  int64_t weight_stride = 0, mean_stride = 0, visible_words = 0, hidden_words = 0;
  const uint64_t* data = nullptr;
  const int64_t* order = nullptr;  // (rows)
  int64_t rows = 0, batch = 0, batches = 0;
  int64_t chains = 0;      // C; 0: as many as the batch has rows
  uint64_t* v0 = nullptr;  // (B, V): the batch's rows of the data
  CdPass passes[kMostPasses];
  int pass_count = 0;
  bool hidden_samples = false;
  float learning_rate = 0.0f, momentum = 0.0f, l1 = 0.0f, l2 = 0.0f;
  uint64_t seed = 0, first_draw = 0;
  int draws = 0;  // of a batch

  __host__ __device__ int64_t rows_of(int64_t i) const {
    return rows - i * batch < batch ? rows - i * batch : batch;
  }
  __host__ __device__ int64_t chains_of(int64_t i) const {
    return chains > 0 ? chains : rows_of(i);
  }
  __device__ Draw draw_of(int64_t i, int number, Layer layer) const {
    const int64_t before = fault("kernel_draws_repeat") ? 0 : i * draws;
    return {seed, stream_of(first_draw + static_cast<uint64_t>(before + number), layer), 0};
  }
};

// How far a run is: the batch that each kernel of a step works on next (the last entry is that of
// the update), and which of W, v_bias, h_bias would have become non-finite.
struct CdProgress {
  int64_t batch[kMostPasses + 1] = {};
  int trouble[3] = {};
};

// What distinguishes runs whose graphs and working memory are not the same.
struct CdRunKey {
  CdRunSizes sizes;
  bool hidden_samples = false;
  GibbsArithmetic how = GibbsArithmetic::kFp32;
  bool operator==(const CdRunKey&) const = default;
};

// Queues the kernels of one step (cd_graph.cu).
void queue_cd_step(const CdRunKey& key, const CdRunJob* job, CdProgress* progress, cudaStream_t s);

}  // namespace gibbslab::cuda
