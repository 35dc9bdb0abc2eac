// Which form the many-chain kernels (chains.cuh) take: how many blocks share a group of chains, how
// many chains it has, which weights are resident.
//
// GIBBSLAB_CUDA_CHAINS, for tests: "plain" (half-steps, one launch each), or
// "resident:BLOCKS:CHAINS" and "stream:BLOCKS:CHAINS"; else the form whose count of cycles is
// least.
#include "kernels/chains_plan.cuh"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <string>

#include "csrc/core/error.h"
#include "csrc/core/products.h"
#include "csrc/core/settings.h"

namespace gibbslab::cuda {
namespace {

constexpr int kClusters = 90;  // compute capability of clusters, times ten
constexpr int kLargestCluster = 16, kLargestGroup = 64;
// Fewer sweeps than this do not pay for loading the weights.
constexpr int64_t kFewestSteps = 4;
constexpr int64_t kMostUnits = 1 << 20;  // so that offsets within a layer fit 32 bits

struct Form {
  int blocks = 1, group = 4;
  int resident = 0;  // layers whose weights are resident: none, hidden units', both
};

struct Wish {
  bool plain = false, resident = false;
  int blocks = 0, group = 0;
};

std::optional<Wish> wish() {
  const std::string asked = setting("GIBBSLAB_CUDA_CHAINS");
  if (asked.empty()) return std::nullopt;
  Wish out;
  if (asked == "plain") {
    out.plain = true;
    return out;
  }
  char name[16] = "", rest = '\0';
  const int read =
      std::sscanf(asked.c_str(), "%15[a-z]:%d:%d%c", name, &out.blocks, &out.group, &rest);
  out.resident = name == std::string("resident");
  const bool known = out.resident || name == std::string("stream");
  if (read != 3 || !known || out.blocks < 1 || out.blocks > kLargestCluster || out.group < 4 ||
      out.group % 4 != 0)
    throw DeviceError(
        "[cuda] GIBBSLAB_CUDA_CHAINS must be plain, resident:BLOCKS:CHAINS or "
        "stream:BLOCKS:CHAINS, got '" +
        asked + "'");
  return out;
}

int share(int words, int blocks) { return (words + blocks - 1) / blocks; }

// Floats of a block's resident columns of a layer.
int64_t slice_floats(const ChainLayer& layer) {
  return int64_t{kUnits} * state_words(layer.depth) * kUnits * layer.own;
}

// The job in a form: shares and offsets. Returns the bytes of shared memory.
int64_t lay_out(ChainJob& job, const Form& form, ChainNeeds needs) {
  job.blocks = form.blocks;
  job.group = form.group;
  int64_t floats = 0;
  for (ChainLayer* layer : {&job.up, &job.down}) {
    layer->own = share(state_words(layer->units), form.blocks);
    layer->resident = form.resident > (layer == &job.down ? 1 : 0);
    layer->slice = static_cast<int>(floats);
    if (layer->resident) floats += slice_floats(*layer);
  }
  const int64_t fours = form.group / 4;
  const int64_t sums = needs.weighed ? int64_t{form.group} * (job.up.own + 2) : 0;
  const int64_t states =
      fours * ((state_words(job.up.units) | 1) + (state_words(job.down.units) | 1));
  const int64_t clamps = needs.clamped ? 2 * fours * job.down.own : 0;
  const int64_t weights_at = 8 * sums, states_at = weights_at + 4 * floats,
                clamps_at = states_at + 4 * states, bytes = clamps_at + 4 * clamps;
  if (bytes > shared_memory_limit()) return bytes;
  job.weights = static_cast<int>(weights_at);
  job.states = static_cast<int>(states_at);
  job.clamps = static_cast<int>(clamps_at);
  job.bytes = static_cast<int>(bytes);
  return bytes;
}

// Lays the form out with as many resident weights as fit; false where not even the states do.
bool fit(ChainJob& job, Form form, ChainNeeds needs, int most_resident) {
  for (form.resident = most_resident; form.resident >= 0; --form.resident)
    if (lay_out(job, form, needs) <= shared_memory_limit()) return true;
  return false;
}

unsigned threads_of(const ChainJob& job) {
  const int items = 2 * std::max(job.up.own, job.down.own) * (job.group / 4);
  return static_cast<unsigned>(std::min(kChainThreads, (items + 31) / 32 * 32));
}

// Cycles of a half-step in one block, counted, not measured: an instruction for each addition and
// six more for each row of four by four, a warp to each of four schedulers; or the weights' way
// from the second-level cache, at 20 bytes a cycle; then the meeting.
double cycles_of(const ChainJob& job, const ChainLayer& layer) {
  const int items = 2 * layer.own * (job.group / 4), warps = (items + 31) / 32;
  const double adding = 22.0 * layer.depth * ((warps + 3) / 4);
  const double loading = layer.resident ? 0.0 : 4.0 * layer.depth * kUnits * layer.own / 20.0;
  return std::max(adding, loading) + (job.blocks > 1 ? 1000.0 : 100.0);
}

// Groups of chains that run at the same time.
int64_t groups_at_once(const ChainJob& job, ChainKernel kernel) {
  if (job.blocks == 1) return multiprocessors();
  LaunchPlan plan(dim3(static_cast<unsigned>(job.blocks)), dim3(threads_of(job)),
                  static_cast<size_t>(job.bytes), stream());
  plan.cluster(dim3(static_cast<unsigned>(job.blocks)));
  return plan.clusters_at_once(kernel);
}

double cost_of(const ChainJob& job, ChainKernel kernel) {
  const int64_t groups = (job.chains + job.group - 1) / job.group;
  const int64_t together = groups_at_once(job, kernel);
  if (together == 0) return HUGE_VAL;
  const int64_t rounds = (groups + together - 1) / together;
  return static_cast<double>(rounds) * (cycles_of(job, job.up) + cycles_of(job, job.down));
}

// The cheapest form that fits.
ChainJob choose(const ChainJob& sizes, ChainNeeds needs, ChainKernel kernel) {
  ChainJob best;
  double least = HUGE_VAL;
  for (int blocks = 1; blocks <= (architecture() >= kClusters ? kLargestCluster : 1); blocks *= 2)
    for (int group = 4; group <= kLargestGroup; group *= 2) {
      ChainJob job = sizes;
      if (!fit(job, {blocks, group}, needs, 2)) continue;
      const double cost = cost_of(job, kernel);
      if (cost < least) {
        least = cost;
        best = job;
      }
    }
  if (least == HUGE_VAL) throw DeviceError("[cuda] the states of four chains do not fit a block");
  return best;
}

ChainLayer layer_of(const Tensor& weights, const Tensor& bias) {
  ChainLayer layer;
  layer.weights = weights.data();
  layer.bias = bias.data();
  layer.stride = weights.stride();
  layer.depth = static_cast<int>(weights.rows());
  layer.units = static_cast<int>(weights.cols());
  return layer;
}

struct CudaChains : ChainOps {
  bool offers(const Context&, const ChainSizes& sizes) override {
    if (sizes.visible > kMostUnits || sizes.hidden > kMostUnits) return false;
    const std::optional<Wish> asked = wish();
    if ((asked && asked->plain) || fixed_point_products()) return false;
    ChainJob smallest;
    smallest.up.units = smallest.down.depth = static_cast<int>(sizes.hidden);
    smallest.down.units = smallest.up.depth = static_cast<int>(sizes.visible);
    if (!fit(smallest, {1, 4}, {true, true}, 0)) return false;
    return asked || sizes.steps >= kFewestSteps;
  }
  void anneal(const Context& ctx, const Anneal& job) override { cuda::anneal(ctx, job); }
  void sweep(const Context& ctx, const ChainSweeps& job) override { cuda::sweep_chains(ctx, job); }
};

}  // namespace

ChainOperands::ChainOperands(const Context& ctx, const ChainModel& model)
    : w(aligned(model.weights->get())),
      wt(aligned(model.weights->transposed(ctx))),
      a(aligned(*model.visible_bias)),
      b(aligned(*model.hidden_bias)) {}

ChainPlan plan_chains(const ChainOperands& model, int64_t chains, ChainNeeds needs,
                      ChainKernel kernel) {
  ChainJob job;
  const bool wrong = fault("w_transposed_in_down_pass") && model.w.rows() == model.w.cols();
  job.chains = chains;
  job.up = layer_of(model.w, model.b);
  job.down = layer_of(wrong ? model.w : model.wt, model.a);
  if (fault("hidden_bias_left_out")) job.up.bias = nullptr;
  if (const std::optional<Wish> asked = wish()) {
    if (!fit(job, {asked->blocks, asked->group}, needs, asked->resident ? 2 : 0))
      throw DeviceError("[cuda] the form that GIBBSLAB_CUDA_CHAINS asks for does not fit");
  } else {
    job = choose(job, needs, kernel);
  }
  return {job, threads_of(job)};
}

ChainOps& chain_ops() {
  static CudaChains ops;
  return ops;
}

}  // namespace gibbslab::cuda
