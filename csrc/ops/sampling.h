// Gibbs half-steps and the statistics of contrastive divergence.
#pragma once

#include "csrc/core/context.h"
#include "csrc/core/tensor.h"
#include "csrc/ops/linalg.h"
#include "csrc/ops/optim.h"

namespace gibbslab {

// kUp: visible to hidden, x W. kDown: hidden to visible, x W^T.
enum class Direction { kUp, kDown };

// pre = scale (x op(W)) + bias + added; mean = sigmoid(pre); sample = u < mean. Null outputs are
// not made. `added` is what a layer between two others gets from the other one.
struct HalfStep {
  const States* input = nullptr;     // (B, V) up, (B, H) down
  const Weights* weights = nullptr;  // (V, H)
  const Tensor* bias = nullptr;      // (1, H) up, (1, V) down; null where `added` has it already
  Direction direction = Direction::kUp;
  float scale = 1.0f;
  Draw draw;
  Tensor* pre = nullptr;
  Tensor* mean = nullptr;
  BitTensor* sample = nullptr;
  const Tensor* added = nullptr;  // (B, H) up, (B, V) down, no alias of an output; or null
};

// out (V, H) = positive_scale v0^T h0 - negative_scale v1^T h1.
struct CdStatistics {
  const States* v0 = nullptr;  // (B, V)
  const States* h0 = nullptr;  // (B, H)
  const States* v1 = nullptr;  // (C, V)
  const States* h1 = nullptr;  // (C, H)
  float positive_scale = 1.0f;
  float negative_scale = 1.0f;
};

struct SamplingOps {
  virtual ~SamplingOps() = default;
  virtual void half_step(const Context& ctx, const HalfStep& step) = 0;
  virtual void activate(const Context& ctx, const Tensor& pre, float scale, const Draw& draw,
                        Tensor* mean, BitTensor* sample) = 0;
  virtual void activate_rows(const Context& ctx, const Tensor& pre, const Tensor& scales,
                             const Draw& draw, Tensor* mean, BitTensor* sample) = 0;
  virtual void cd_statistics(const Context& ctx, const CdStatistics& job, Tensor& out) = 0;
  virtual bool cd_update(const Context& ctx, const CdStatistics& statistics,
                         const Update& update) = 0;
  // Whether half-steps read Weights::transposed(), which an update can leave behind.
  virtual bool reads_transposed() const { return true; }
};

namespace ops {

void half_step(const Context& ctx, const HalfStep& step);
// mean = sigmoid(scale pre), sample = u < mean, of a stored pre-activation (B, N).
void activate(const Context& ctx, const Tensor& pre, float scale, const Draw& draw, Tensor* mean,
              BitTensor* sample);
// The same with a scale for every row, scales (1, B): chains at different temperatures.
void activate_rows(const Context& ctx, const Tensor& pre, const Tensor& scales, const Draw& draw,
                   Tensor* mean, BitTensor* sample);
void cd_statistics(const Context& ctx, const CdStatistics& job, Tensor& out);
// cd_statistics followed by update, whose gradient it takes the place of (update.gradient is
// ignored). Returns false when a new weight is not finite.
bool cd_update(const Context& ctx, const CdStatistics& statistics, const Update& update);
// Whether half-steps read the transposed weights.
bool reads_transposed(const Context& ctx);

}  // namespace ops
}  // namespace gibbslab
