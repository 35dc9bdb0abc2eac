// Annealed importance sampling of many chains, a stretch of temperatures in one launch.
//
//   log w += sum_j log(1 + exp(to x_j)) - log(1 + exp(from x_j)) + (to - from) sum_i d_i v_i,
//   x = v W + b (B, H), d = a - a0;   then, where the chain moves,
//   h = u < sigmoid(to x);   v = u < sigmoid(to h W^T + share a + (1 - share) a0)
//
// Chains, states and weights lie as in chains.cuh. A sum over units is float64: a thread adds its
// four units, two neighbours make it eight, and a warp adds the eights of one chain in an order
// that the number of units alone decides. The exponentials are the float32 ones of ops::activate
// and ops::softplus_difference. Chain c of a group is weighed by block c % blocks of its cluster.
//
// Meetings of the cluster, two per temperature: hidden states and their sums are there; visible
// states are there, and the sums are read.
#include <algorithm>

#include "kernels/chains_plan.cuh"
#include "kernels/reduction.cuh"

namespace gibbslab::cuda {
namespace {

struct AnnealPath {
  const Temperature* temperatures;  // (count)
  int64_t count;
  const float *visible_bias, *base_bias, *difference;  // (1, V)
  uint64_t seed;
  ChainRows v;          // moved in place
  double* log_weights;  // (B)
};

// The block's parts of `sums`: of eight hidden units [own word][chain]; of visible units and the
// log-weights, one for each chain of the group.
struct Sums {
  double *softplus, *linear, *log_weights;
  __device__ Sums(const ChainJob& job, const ChainBlock& here)
      : softplus(here.sums),
        linear(softplus + job.up.own * job.group),
        log_weights(linear + job.group) {}
};

// -------------------------------------------------------------------------------------- kernels

// log(1 + exp(to x)) - log(1 + exp(from x)) over `left` of four units.
__device__ inline double softplus_difference(float4 x, int64_t left, float from, float to) {
  const float values[4] = {x.x, x.y, x.z, x.w};
  double there = 1.0, here = 1.0, positive = 0.0;
#pragma unroll
  for (int u = 0; u < 4; ++u) {
    if (u >= left) continue;
    const float magnitude = fabsf(values[u]);
    there *= 1.0 + exp_nonpositive<float>(magnitude * -to);
    here *= 1.0 + exp_nonpositive<float>(magnitude * -from);
    positive += values[u] > 0.0f ? values[u] : 0.0f;
  }
  return positive * static_cast<double>(to - from) + log(there / here);
}

// Hidden units: their terms of the log-weights, and their states where the chain moves.
struct HiddenFinish {
  const ChainJob& job;
  const Sums& sums;
  HalfStepOutput out;
  float from, to;
  bool keeps;

  __device__ uint32_t tile(const ChainTile& tile, const float4 (&sum)[4]) const {
    const float4 bias = bias_of(job.up.bias, job.up, tile);
    float4 x[4];
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      x[c] = fused(sum[c], 1.0f, bias);
      double term = softplus_difference(x[c], tile.inside ? out.cols - tile.unit : 0, from, to);
      term += __shfl_down_sync(kAll, term, 1);
      if (tile.inside && tile.quad % 2 == 0)
        sums.softplus[tile.quad / 2 * job.group + 4 * tile.of_four + c] = term;
    }
    if (!keeps) return 0;
    return draw_tile(out, tile, [&](int c) { return probabilities(times(x[c], to)); });
  }
  __device__ uint32_t word(const ChainTile&, uint32_t bits) const { return bits; }
};

struct VisibleFinish {
  const ChainJob& job;
  const AnnealPath& path;
  HalfStepOutput out;
  double share;
  bool keeps = true;

  // As ops::linear: in float64, rounded once.
  __device__ float mixed(float a, float base) const {
    return static_cast<float>(share * a + (1.0 - share) * base);
  }
  __device__ uint32_t tile(const ChainTile& tile, const float4 (&sum)[4]) const {
    if (!tile.inside) return 0;
    const float4 a = bias_of(path.visible_bias, job.down, tile),
                 base = bias_of(path.base_bias, job.down, tile);
    const float4 bias =
        make_float4(mixed(a.x, base.x), mixed(a.y, base.y), mixed(a.z, base.z), mixed(a.w, base.w));
    return draw_tile(out, tile,
                     [&](int c) { return probabilities(fused(sum[c], out.scale, bias)); });
  }
  __device__ uint32_t word(const ChainTile&, uint32_t bits) const { return bits; }
};

__device__ inline HalfStepOutput draws_of(const ChainJob& job, const ChainLayer& layer,
                                          uint64_t seed, uint64_t stream, float scale) {
  HalfStepOutput out;
  out.scale = scale;
  out.draw = Draw{seed, stream, 0};
  out.rows = job.chains;
  out.cols = layer.units;
  return out;
}

// Calls body(c) for the group's chains that this warp weighs.
template <class Body>
__device__ void for_own_chains(const ChainJob& job, const ChainBlock& here, const Body& body) {
  const int warps = blockDim.x / 32, warp = threadIdx.x / 32;
  for (int c = here.rank + job.blocks * warp; c < job.group; c += job.blocks * warps) body(c);
}

// sum_i d_i v_i of every chain.
__device__ void sum_visible(const ChainJob& job, const ChainBlock& here, const AnnealPath& path,
                            const Sums& sums) {
  const int lane = threadIdx.x % 32, words = state_words(job.down.units);
  for_own_chains(job, here, [&](int c) {
    double sum = 0;
    for (int w = lane; w < words; w += 32) {
      uint32_t ones = here.visible[c / 4 * here.visible_stride + w] >> c % 4 & 0x11111111u;
      for (; ones != 0; ones &= ones - 1)
        sum += path.difference[kUnits * w + (__ffs(static_cast<int>(ones)) - 1) / 4];
    }
    sum = warp_sum(sum);
    if (lane == 0) sums.linear[c] = sum;
  });
}

// Adds one temperature to the log-weights.
__device__ void weigh(const ChainJob& job, const ChainBlock& here, const Sums& sums,
                      double difference) {
  const int lane = threadIdx.x % 32, words = state_words(job.up.units);
  for_own_chains(job, here, [&](int c) {
    double sum = 0;
    for (int w = lane; w < words; w += 32)
      sum += in_block(job, sums.softplus, w / job.up.own)[w % job.up.own * job.group + c];
    sum = warp_sum(sum);
    if (lane != 0) return;
    sums.log_weights[c] += sum;
    sums.log_weights[c] += difference * sums.linear[c];
  });
}

__device__ void begin(const ChainJob& job, const ChainBlock& here, const AnnealPath& path,
                      const Sums& sums) {
  const int words = state_words(job.down.units);
  load_weights(job, here);
  load_states(job, here, path.v, 0, words, words, here.visible, here.visible_stride);
  for (int c = threadIdx.x; c < job.group; c += blockDim.x)
    sums.log_weights[c] = here.first + c < job.chains ? path.log_weights[here.first + c] : 0.0;
}

__device__ void end(const ChainJob& job, const ChainBlock& here, const AnnealPath& path,
                    const Sums& sums) {
  store_states(job, here, path.v, state_words(job.down.units), here.visible, here.visible_stride);
  for_own_chains(job, here, [&](int c) {
    if (threadIdx.x % 32 == 0 && here.first + c < job.chains)
      path.log_weights[here.first + c] = sums.log_weights[c];
  });
}

__global__ void __launch_bounds__(kChainThreads)
    anneal_kernel(const ChainJob job, const AnnealPath path) {
  const ChainBlock here(job);
  const Sums sums(job, here);
  begin(job, here, path, sums);
  chains_barrier(job);
  for (int64_t t = 0; t < path.count; ++t) {
    const Temperature at = path.temperatures[t];
    const float to = static_cast<float>(at.to);
    sum_visible(job, here, path, sums);
    half_pass(job, here, job.up, here.visible, here.visible_stride, here.hidden, here.hidden_stride,
              HiddenFinish{job, sums, draws_of(job, job.up, path.seed, at.hidden_stream, 1.0f),
                           static_cast<float>(at.from), to, at.moves});
    half_step_barrier(job);
    weigh(job, here, sums, at.to - at.from);
    if (at.moves)
      half_pass(job, here, job.down, here.hidden, here.hidden_stride, here.visible,
                here.visible_stride,
                VisibleFinish{job, path, draws_of(job, job.down, path.seed, at.visible_stream, to),
                              at.share});
    chains_barrier(job);
  }
  end(job, here, path, sums);
}

}  // namespace

// ------------------------------------------------------------------------------------ launchers

void anneal(const Context& ctx, const Anneal& job) {
  const int64_t chains = job.v->rows();
  if (chains == 0 || job.count == 0) return;
  const ChainOperands model(ctx, job.model);
  const Tensor base = aligned(*job.base_bias);
  const Scratch<Temperature> path(job.count);
  const Scratch<double> log_weights(chains);
  upload(path.get(), job.path, job.count);
  upload(log_weights.get(), job.log_weights, chains);
  const ChainPlan plan =
      plan_chains(model, chains, {true, false}, reinterpret_cast<ChainKernel>(&anneal_kernel));
  plan.launch(
      anneal_kernel,
      AnnealPath{path.get(), job.count, model.a.data(), base.data(), job.bias_difference->data(),
                 job.seed, ChainRows{job.v->row(0), job.v->words_per_row()}, log_weights.get()});
  download(job.log_weights, log_weights.get(), chains);
}

}  // namespace gibbslab::cuda
