// Block Gibbs sweeps of many chains, all sweeps in one launch.
//
//   h = u < sigmoid(beta v W + b);   v = u < sigmoid(beta h W^T + a), clamped units put back
//
// v (B, V), h (B, H); a and b are already times beta. Starts with either half. The probabilities
// are stored in the last sweep only. Chains, states and weights lie as in chains.cuh; the mask and
// the known states of a block's own visible units lie beside them, in words of the same kind. The
// cluster meets after every half-step.
#include "kernels/chains_plan.cuh"

namespace gibbslab::cuda {
namespace {

struct SweepPath {
  const SweepStreams* streams;  // (count)
  int64_t count;
  float beta;
  bool from_hidden;
  uint64_t seed;
  ChainRows start, mask, known, hidden, visible;  // null bits: not there, or not made
  float *hidden_mean, *visible_mean;              // or null
  int64_t hidden_mean_stride, visible_mean_stride;
};

// -------------------------------------------------------------------------------------- kernels

struct SweepFinish {
  const ChainJob& job;
  const ChainBlock& here;
  const ChainLayer& layer;
  HalfStepOutput out;
  bool clamps, keeps;

  __device__ float4 probability_of(const ChainTile& tile, float4 sum, float4 bias, int c) const {
    const float4 p = probabilities(fused(sum, out.scale, bias));
    if (out.mean != nullptr)
      store_quad(out.mean, out.mean_stride, out.cols, tile.chain + c, tile.unit, p);
    return p;
  }
  __device__ uint32_t tile(const ChainTile& tile, const float4 (&sum)[4]) const {
    if (!tile.inside || (!keeps && out.mean == nullptr)) return 0;
    const float4 bias = bias_of(layer.bias, layer, tile);
    return draw_tile(out, tile, [&](int c) { return probability_of(tile, sum[c], bias, c); });
  }
  __device__ uint32_t word(const ChainTile& tile, uint32_t bits) const {
    if (!clamps) return bits;
    const int place = tile.of_four * job.down.own + tile.quad / 2;
    return (bits & ~here.mask[place]) | (here.known[place] & here.mask[place]);
  }
};

__device__ inline SweepFinish finish_of(const ChainJob& job, const ChainBlock& here,
                                        const SweepPath& path, bool up, int64_t sweep) {
  const bool last = sweep + 1 == path.count;
  const ChainLayer& layer = up ? job.up : job.down;
  const SweepStreams streams = path.streams[sweep];
  SweepFinish finish{job, here, layer, {}, !up && path.mask.bits != nullptr, true};
  finish.out.scale = path.beta;
  finish.out.draw = Draw{path.seed, up ? streams.hidden : streams.visible, 0};
  finish.out.rows = job.chains;
  finish.out.cols = layer.units;
  finish.out.mean_stride = up ? path.hidden_mean_stride : path.visible_mean_stride;
  if (last) finish.out.mean = up ? path.hidden_mean : path.visible_mean;
  if (up && last && path.hidden.bits == nullptr) finish.keeps = false;
  return finish;
}

__device__ void begin(const ChainJob& job, const ChainBlock& here, const SweepPath& path) {
  const int visible = state_words(job.down.units), hidden = state_words(job.up.units);
  load_weights(job, here);
  if (path.from_hidden)
    load_states(job, here, path.start, 0, hidden, hidden, here.hidden, here.hidden_stride);
  else
    load_states(job, here, path.start, 0, visible, visible, here.visible, here.visible_stride);
  if (path.mask.bits == nullptr) return;
  const int own = job.down.own, first = here.rank * own;
  load_states(job, here, path.mask, first, own, visible, here.mask, own);
  load_states(job, here, path.known, first, own, visible, here.known, own);
}

__device__ void end(const ChainJob& job, const ChainBlock& here, const SweepPath& path) {
  store_states(job, here, path.visible, state_words(job.down.units), here.visible,
               here.visible_stride);
  if (path.hidden.bits != nullptr)
    store_states(job, here, path.hidden, state_words(job.up.units), here.hidden,
                 here.hidden_stride);
}

__device__ __forceinline__ void up(const ChainJob& job, const ChainBlock& here,
                                   const SweepPath& path, int64_t sweep) {
  half_pass(job, here, job.up, here.visible, here.visible_stride, here.hidden, here.hidden_stride,
            finish_of(job, here, path, true, sweep));
}
__device__ __forceinline__ void down(const ChainJob& job, const ChainBlock& here,
                                     const SweepPath& path, int64_t sweep) {
  half_pass(job, here, job.down, here.hidden, here.hidden_stride, here.visible, here.visible_stride,
            finish_of(job, here, path, false, sweep));
}

__global__ void __launch_bounds__(kChainThreads)
    sweep_kernel(const ChainJob job, const SweepPath path) {
  const ChainBlock here(job);
  begin(job, here, path);
  chains_barrier(job);
  // Half-steps 0, 1, 2, ...: up, down, up, ... or, from hidden, down, up, down, ...
  for (int64_t half = 0; half < 2 * path.count; ++half) {
    if ((half % 2 == 0) != path.from_hidden)
      up(job, here, path, half / 2);
    else
      down(job, here, path, half / 2);
    if (half + 1 < 2 * path.count) half_step_barrier(job);
  }
  chains_barrier(job);
  end(job, here, path);
}

// ------------------------------------------------------------------------------------ launchers

ChainRows rows_of(const BitTensor* x) {
  if (x == nullptr) return {};
  return {const_cast<uint64_t*>(x->row(0)), x->words_per_row()};
}

// One row serves every chain.
ChainRows mask_rows(const BitTensor* mask, int64_t chains) {
  ChainRows rows = rows_of(mask);
  if (mask != nullptr && mask->rows() == 1 && chains != 1) rows.words = 0;
  return rows;
}

}  // namespace

void sweep_chains(const Context& ctx, const ChainSweeps& job) {
  const int64_t chains = job.start->rows();
  if (chains == 0 || job.count == 0) return;
  const ChainOperands model(ctx, job.model);
  const Scratch<SweepStreams> streams(job.count);
  upload(streams.get(), job.streams, job.count);
  SweepPath path{};
  path.streams = streams.get();
  path.count = job.count;
  path.beta = job.beta;
  path.from_hidden = job.from_hidden;
  path.seed = job.seed;
  path.start = rows_of(job.start);
  path.mask = mask_rows(job.mask, chains);
  path.known = rows_of(job.known);
  path.hidden = rows_of(job.hidden);
  path.visible = rows_of(job.visible);
  if (job.hidden_mean != nullptr) {
    path.hidden_mean = job.hidden_mean->data();
    path.hidden_mean_stride = job.hidden_mean->stride();
  }
  if (job.visible_mean != nullptr) {
    path.visible_mean = job.visible_mean->data();
    path.visible_mean_stride = job.visible_mean->stride();
  }
  const ChainPlan plan = plan_chains(model, chains, {false, job.mask != nullptr},
                                     reinterpret_cast<ChainKernel>(&sweep_kernel));
  plan.launch(sweep_kernel, path);
  check(cudaStreamSynchronize(stream()), "cudaStreamSynchronize");
}

}  // namespace gibbslab::cuda
