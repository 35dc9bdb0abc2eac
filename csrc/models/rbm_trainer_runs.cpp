// Training by ops::cd_run, many batches in one call, where a backend offers it.
#include <algorithm>
#include <memory>

#include "csrc/core/interrupt.h"
#include "csrc/models/rbm_trainer.h"
#include "csrc/ops/backend.h"
#include "csrc/ops/cd_run.h"

namespace gibbslab {
namespace {

// Indices where the context computes.
class Indices {
 public:
  Indices(const Context& ctx, const int64_t* from, int64_t count) {
    const int64_t bytes = count * static_cast<int64_t>(sizeof(int64_t));
    Memory& memory = ctx.backend().memory;
    owner_ = memory.allocate(bytes);
    memory.copy({owner_.get(), bytes, from, bytes, bytes, 1, Transfer::kFromHost});
  }
  const int64_t* get() const { return static_cast<const int64_t*>(owner_.get()); }

 private:
  std::shared_ptr<void> owner_;
};

// A handle to write through: of `x` itself, unless somebody else still looks at it.
Tensor writable(const Tensor& x) { return x.shared() || !x.padded() ? x.clone() : x; }

Tensor like(const Context& ctx, const Tensor& x) {
  return x.empty() ? Tensor() : ops::zeros(ctx, x.rows(), x.cols());
}

// The rows [begin, end) of the order that the batches name.
struct Rows {
  int64_t begin, end;
  explicit Rows(const BatchRange& range) {
    const int64_t size = range.batch_size, batches = (range.rows + size - 1) / size;
    begin = std::min(range.first, batches) * size;
    end = std::min(range.rows, std::min(range.last, batches) * size);
  }
};

}  // namespace

bool RbmTrainer::runs(const Dataset& data, int64_t batch_size) const {
  const TrainOptions& o = options_;
  const bool more = o.centered || o.exact || tempering_ || o.sparsity_cost > 0.0f;
  if (data.bits() == nullptr || more || o.max_norm > 0.0f || rbm_.has_input_scales()) return false;
  const int64_t chains = o.persistent ? chains_.rows() : 0;
  return ops::offers_cd_run(rbm_.context(),
                            {rbm_.visible_size(), rbm_.hidden_size(), batch_size, chains, o.k});
}

// The state now, to be written to as the run goes on.
CdState RbmTrainer::run_state() {
  CdState state;
  state.weights = writable(rbm_.weights().get());
  state.visible_bias = writable(rbm_.visible_bias());
  state.hidden_bias = writable(rbm_.hidden_bias());
  if (options_.persistent) state.chains = chains_;
  if (options_.momentum == 0.0f) return state;
  state.velocity_weights = writable(velocity_w_);
  state.velocity_visible_bias = writable(velocity_a_);
  state.velocity_hidden_bias = writable(velocity_b_);
  return state;
}

CdState RbmTrainer::spare_state(const CdState& state) {
  const Context& ctx = rbm_.context();
  CdState spare;
  spare.weights = writable(spare_w_);
  spare.visible_bias = like(ctx, state.visible_bias);
  spare.hidden_bias = like(ctx, state.hidden_bias);
  spare.velocity_weights = state.velocity_weights.empty() ? Tensor() : writable(spare_velocity_w_);
  spare.velocity_visible_bias = like(ctx, state.velocity_visible_bias);
  spare.velocity_hidden_bias = like(ctx, state.velocity_hidden_bias);
  spare.chains = ops::zero_bits(ctx, state.chains.rows(), state.chains.cols());
  return spare;
}

void RbmTrainer::adopt(const CdState& state) {
  rbm_.set_weights(state.weights);
  rbm_.set_visible_bias(state.visible_bias);
  rbm_.set_hidden_bias(state.hidden_bias);
  if (options_.persistent) chains_ = state.chains;
  if (state.velocity_weights.empty()) return;
  velocity_w_ = state.velocity_weights;
  velocity_a_ = state.velocity_visible_bias;
  velocity_b_ = state.velocity_hidden_bias;
}

CdRun RbmTrainer::run_job(CdState& state, CdState& spare, float learning_rate) const {
  CdRun job;
  job.state = &state;
  job.spare = &spare;
  job.k = options_.k;
  job.hidden_samples = options_.hidden_samples;
  job.learning_rate = learning_rate;
  job.momentum = options_.momentum;
  job.l1 = options_.l1;
  job.l2 = options_.l2;
  job.seed = rbm_.context().seed();
  return job;
}

// In calls of as many batches as keep it easy to interrupt. An interrupt comes between calls.
TrainResult RbmTrainer::train_in_runs(const BitTensor& data, const BatchRange& range,
                                      float learning_rate) {
  TrainResult result;
  Context& ctx = rbm_.context();
  const Rows rows(range);
  next_batch_ = range.first;
  if (rows.begin >= rows.end) return result;
  const Indices order(ctx, range.order + rows.begin, rows.end - rows.begin);
  CdState state = run_state(), spare = spare_state(state);
  CdRun job = run_job(state, spare, learning_rate);
  job.data = &data;
  job.batch = range.batch_size;
  for (int64_t at = rows.begin; at < rows.end; at += job.rows) {
    CdRunResult done;
    const int64_t left = rows.end - at;
    job.order = order.get() + (at - rows.begin);
    job.rows = left / job.batch < pace_.steps() ? left : pace_.steps() * job.batch;
    job.first_draw = ctx.draws();
    pace_.time([&] { done = ops::cd_run(ctx, job); });
    adopt(state);
    spare_w_ = spare.weights;
    if (!spare.velocity_weights.empty()) spare_velocity_w_ = spare.velocity_weights;
    ctx.set_draws(job.first_draw + static_cast<uint64_t>(done.draws));
    result.batches += done.batches;
    next_batch_ += done.batches;
    result.diverged = done.diverged;
    if (!result.diverged.empty()) return result;
    poll_interrupt();
  }
  return result;
}

}  // namespace gibbslab
