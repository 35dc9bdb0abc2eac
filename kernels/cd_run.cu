// Runs of contrastive divergence: which are offered, their working memory, what is read at the end.
//
// GIBBSLAB_CUDA_CD_RUN, for tests: "plain" offers none, and batches are trained op by op; "graph";
// "resident" or "resident:BLOCKS" in one launch wherever that can be done; else by size.
#include "kernels/cd_run.cuh"

#include <cstdio>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "csrc/core/error.h"
#include "csrc/core/settings.h"
#include "kernels/cd_slices.cuh"
#include "kernels/graph.cuh"

namespace gibbslab::cuda {
namespace {

constexpr int64_t kStepsOfGraph = 8;

struct CdRunWish {
  bool plain = false, graph = false;
  CdResidentWish resident;
};

CdRunWish wish() {
  const std::string asked = setting("GIBBSLAB_CUDA_CD_RUN");
  CdRunWish out;
  out.plain = asked == "plain";
  out.graph = asked == "graph";
  if (asked.empty() || out.plain || out.graph) return out;
  char rest = '\0';
  const bool counted =
      std::sscanf(asked.c_str(), "resident:%d%c", &out.resident.blocks, &rest) == 1;
  const bool known = asked == "resident" || (counted && out.resident.blocks >= 1 &&
                                             out.resident.blocks <= kLargestCluster);
  if (!known)
    throw DeviceError(
        "[cuda] GIBBSLAB_CUDA_CD_RUN must be plain, graph, resident or resident:BLOCKS, got '" +
        asked + "'");
  out.resident.wherever_it_fits = true;
  return out;
}

// A job and its progress as the kernels find them.
struct CdRunMemory {
  CdRunJob job;
  CdProgress progress;
};

// Working memory of runs of one kind, and the graph of their steps. Used by one run at a time.
class CdRunner {
 public:
  explicit CdRunner(const CdRunKey& key);
  const CdRunKey& key() const { return key_; }
  CdRunResult run_graph(const CdRun& job);
  CdRunResult run_resident(const CdRun& job, const CdSlices& slices);

 private:
  CdRunJob prepare(const CdRun& job);
  void add_passes(CdRunJob& out, const CdRun& job);
  void queue(int64_t steps);
  CdProgress launch(const CdSlices& slices, const CdRunJob& job);

  CdRunKey key_;
  BitTensor v0_, h0_, v1_, h1_, between_;  // `between_`: hidden states between sweeps
  Tensor mean0_, mean1_;
  Scratch<CdRunMemory> memory_{1};
  std::unique_ptr<Graph> graph_;
};

CdRunner::CdRunner(const CdRunKey& key) : key_(key) {
  const CdRunSizes& s = key.sizes;
  const int64_t chains = s.chains > 0 ? s.chains : s.batch;
  const auto bits = [](int64_t rows, int64_t cols) {
    return BitTensor::zeros(rows, cols, device_memory());
  };
  v0_ = bits(s.batch, s.visible);
  h0_ = bits(s.batch, s.hidden);
  v1_ = bits(chains, s.visible);
  h1_ = bits(chains, s.hidden);
  between_ = bits(chains, s.hidden);
  mean0_ = Tensor::zeros(s.batch, s.hidden, device_memory());
  mean1_ = Tensor::zeros(chains, s.hidden, device_memory());
}

CdParameters parameters_of(CdState& state) {
  CdParameters out;
  out.weights = state.weights.data();
  out.visible_bias = state.visible_bias.data();
  out.hidden_bias = state.hidden_bias.data();
  out.velocity_weights = state.velocity_weights.data();
  out.velocity_visible_bias = state.velocity_visible_bias.data();
  out.velocity_hidden_bias = state.velocity_hidden_bias.data();
  return out;
}

// Draws are numbered in the order in which the plain trainer makes them.
void CdRunner::add_passes(CdRunJob& out, const CdRun& job) {
  const bool persistent = key_.sizes.chains > 0;
  CdState* const states[2] = {job.state, job.spare};
  const auto draw = [&](CdPass& pass) { pass.draw = out.draws++; };
  CdPass& positive = out.passes[0];
  positive.mean = mean0_.data();
  if (!persistent || job.hidden_samples) {
    positive.to[0] = positive.to[1] = h0_.row(0);
    draw(positive);
  }
  out.pass_count = static_cast<int>(2 * job.k) + 1;
  for (int number = 1; number < out.pass_count; number += 2) {
    CdPass &down = out.passes[number], &up = out.passes[number + 1];
    const bool first = number == 1, last = number + 2 == out.pass_count;
    draw(down);
    for (int i = 0; i < 2; ++i) {
      const uint64_t* start = persistent ? states[i]->chains.row(0) : h0_.row(0);
      down.from[i] = first ? start : between_.row(0);
      down.to[i] = v1_.row(0);
      up.from[i] = v1_.row(0);
      if (!last) up.to[i] = between_.row(0);
      if (last && persistent) up.to[i] = states[1 - i]->chains.row(0);
      if (last && !persistent && job.hidden_samples) up.to[i] = h1_.row(0);
    }
    if (last) up.mean = mean1_.data();
    if (up.to[0] != nullptr) draw(up);
  }
}

CdRunJob CdRunner::prepare(const CdRun& job) {
  CdRunJob out;
  out.parameters[0] = parameters_of(*job.state);
  out.parameters[1] = parameters_of(*job.spare);
  out.visible = key_.sizes.visible;
  out.hidden = key_.sizes.hidden;
  out.weight_stride = job.state->weights.stride();
  out.mean_stride = mean0_.stride();
  out.visible_words = v0_.words_per_row();
  out.hidden_words = h0_.words_per_row();
  out.data = job.data->row(0);
  out.order = job.order;
  out.rows = job.rows;
  out.batch = job.batch;
  out.batches = (job.rows + job.batch - 1) / job.batch;
  out.chains = key_.sizes.chains;
  out.v0 = v0_.row(0);
  out.hidden_samples = job.hidden_samples;
  out.learning_rate = job.learning_rate;
  out.momentum = effective_momentum(job.momentum, job.learning_rate);
  out.l1 = job.l1;
  out.l2 = job.l2;
  out.seed = job.seed;
  out.first_draw = job.first_draw;
  add_passes(out, job);
  return out;
}

// A graph is worth its making where it is replayed; what it has too many of are steps that pass.
// The step before it is recorded loads the kernels, which a recording should find loaded.
void CdRunner::queue(int64_t steps) {
  CdRunMemory* at = memory_.get();
  const auto step = [&](cudaStream_t s) { queue_cd_step(key_, &at->job, &at->progress, s); };
  if (steps < kStepsOfGraph) {
    for (int64_t i = 0; i < steps; ++i) step(stream());
    return;
  }
  if (graph_ == nullptr) {
    step(stream());
    --steps;
    graph_ = std::make_unique<Graph>([&](cudaStream_t s) {
      for (int64_t i = 0; i < kStepsOfGraph; ++i) step(s);
    });
  }
  for (int64_t i = 0; i < steps; i += kStepsOfGraph) graph_->run(stream());
}

// The first of W, v_bias and h_bias that a batch would make non-finite, or nothing.
std::string diverged(const CdProgress& progress) {
  constexpr const char* kNames[] = {"W", "v_bias", "h_bias"};
  for (int i = 0; i < 3; ++i)
    if (progress.trouble[i] != 0) return kNames[i];
  return "";
}

CdRunResult CdRunner::run_graph(const CdRun& job) {
  const CdRunMemory start{prepare(job), {}};
  upload(memory_.get(), &start, 1);
  queue(start.job.batches);
  CdProgress progress;
  download(&progress, &memory_.get()->progress, 1);
  CdRunResult result;
  result.diverged = diverged(progress);
  result.batches = result.diverged.empty() ? start.job.batches : progress.batch[0] - 1;
  result.draws = result.batches * start.job.draws;
  if (result.batches % 2 != 0) std::swap(*job.state, *job.spare);
  return result;
}

CdProgress CdRunner::launch(const CdSlices& slices, const CdRunJob& job) {
  CdProgress progress, *there = &memory_.get()->progress;
  upload(there, &progress, 1);
  queue_resident_run(key_, slices, job, there, stream());
  download(&progress, there, 1);
  return progress;
}

// A launch that meets a batch which diverges stores nothing: those before it are run again.
CdRunResult CdRunner::run_resident(const CdRun& job, const CdSlices& slices) {
  CdRunJob all = prepare(job);
  const CdProgress progress = launch(slices, all);
  CdRunResult result;
  result.diverged = diverged(progress);
  result.batches = progress.batch[0];
  result.draws = result.batches * all.draws;
  if (result.batches == 0) return result;
  if (result.batches < all.batches) {
    all.batches = result.batches;
    all.rows = all.batches * all.batch;
    launch(slices, all);
  }
  std::swap(*job.state, *job.spare);
  return result;
}

// Runners that no run uses, the latest last.
class Runners {
 public:
  std::unique_ptr<CdRunner> take(const CdRunKey& key) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      for (auto at = idle_.begin(); at != idle_.end(); ++at)
        if ((*at)->key() == key) {
          std::unique_ptr<CdRunner> found = std::move(*at);
          idle_.erase(at);
          return found;
        }
    }
    return std::make_unique<CdRunner>(key);
  }
  void give(std::unique_ptr<CdRunner> runner) {
    const std::lock_guard<std::mutex> lock(mutex_);
    idle_.push_back(std::move(runner));
    if (idle_.size() > kMost) idle_.erase(idle_.begin());
  }

 private:
  static constexpr size_t kMost = 4;
  std::mutex mutex_;
  std::vector<std::unique_ptr<CdRunner>> idle_;
};

Runners& runners() {
  static Runners* all = new Runners();  // as the memory: tensors may outlive static objects
  return *all;
}

// The states' rows as the kernels read them.
void align(CdState& state) {
  for (Tensor* x :
       {&state.weights, &state.visible_bias, &state.hidden_bias, &state.velocity_weights,
        &state.velocity_visible_bias, &state.velocity_hidden_bias})
    if (!x->empty()) *x = aligned(*x);
}

struct CudaCdRun : CdRunOps {
  bool offers(const Context&, const CdRunSizes& sizes) override {
    return !wish().plain && arithmetic() != GibbsArithmetic::kInt8x3 && sizes.k <= kMostSweeps;
  }
  CdRunResult run(const Context&, const CdRun& job) override {
    align(*job.state);
    align(*job.spare);
    const CdState& state = *job.state;
    CdRunKey key{
        {state.weights.rows(), state.weights.cols(), job.batch, state.chains.rows(), job.k},
        job.hidden_samples,
        arithmetic()};
    const CdRunWish asked = wish();
    std::optional<CdSlices> slices;
    if (!asked.graph)
      slices = resident_slices(key, !state.velocity_weights.empty(), asked.resident);
    std::unique_ptr<CdRunner> runner = runners().take(key);
    CdRunResult result = slices ? runner->run_resident(job, *slices) : runner->run_graph(job);
    runners().give(std::move(runner));
    return result;
  }
};

}  // namespace

CdRunOps& cd_run_ops() {
  static CudaCdRun ops;
  return ops;
}

}  // namespace gibbslab::cuda
