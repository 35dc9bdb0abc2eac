// A run of contrastive divergence in one launch: a cluster holds the model from batch to batch.
//
//   h0 = u < sigmoid(v0 W + b);  k times v1 = u < sigmoid(h W^T + a), h1 = u < sigmoid(v1 W + b);
//   W += rate (momentum dW + v0^T h0 / B - v1^T h1 / C - decay), a and b likewise.
//
// v0 (B, V), h0 (B, H), v1 (C, V), h1 (C, H), W (V, H), the same sums as in cd_graph.cu, bit for
// bit. A block owns whole words of 64 visible units, and holds in shared memory their rows of W and
// of its velocity, their biases and their bits of v0 and v1; besides, the bits and the biases of
// all hidden units. Probabilities of hidden units, which only the update reads, go through global
// memory, that is, the second-level cache.
//
//   up      Every tile of 32 rows x 32 hidden units is a block's. Its 8 warps share the depth, a
//           step of 16 visible units being read from the block that owns them; the new bits are
//           written into every block.
//   down    A warp makes tiles of 32 rows x 32 units of its block's own; bits stay in the block.
//   update  A warp changes tiles of 32 x 32 of its block's own weights in place. Then the block its
//           visible biases, and its share of the hidden ones, which it writes into every block.
//
// The cluster meets after each. One that finds a value become non-finite stops, with nothing
// stored: the host runs the batches before that one again.
#include "kernels/cd_resident.cuh"

#include "kernels/cd_bf16.cuh"
#include "kernels/cd_bias.cuh"
#include "kernels/half_step_bf16.cuh"

namespace gibbslab::cuda {
namespace {

// ----------------------------------------------------------------------------- kernels

// All threads of the cluster meet; a warp arrives as one.
__device__ __forceinline__ void meet() {
  __syncwarp();
  cluster_sync();
}
__device__ __forceinline__ void meet_after_half_step() {
  if (fault("kernel_missing_cluster_barrier")) return __syncthreads();
  meet();
}

__device__ __forceinline__ int tiles_of(int64_t n) {
  return static_cast<int>((n + kTile - 1) / kTile);
}

// Where the lane's sums i = 0 ... 3 of a warp's 16 rows lie: row g + 8 (i / 2), columns from
// 8 t + 4 (i % 2) on.
__device__ __forceinline__ int row_of(int i) { return fragment_lane().g + 8 * (i / 2); }
__device__ __forceinline__ int col_of(int i) { return 8 * fragment_lane().t + 4 * (i % 2); }

// ........................................................................... half-steps

// One half-step of a batch, but where its states lie.
__device__ __forceinline__ HalfStepOutput output_of(const Resident& here, int64_t batch,
                                                    int number) {
  const CdRunJob& job = here.job;
  const CdPass& pass = job.passes[number];
  const bool up = number % 2 == 0;
  HalfStepOutput out;
  out.bias = here.part<float>(up ? here.at.hidden_bias : here.at.visible_bias);
  out.rows = number == 0 ? job.rows_of(batch) : job.chains_of(batch);
  out.cols = up ? job.hidden : job.visible;
  out.draw = job.draw_of(batch, pass.draw, up ? Layer::kHidden : Layer::kVisible);
  out.mean = job.hidden_samples ? nullptr : pass.mean;
  out.mean_stride = job.mean_stride;
  return out;
}

// The block's sums over all visible units, as half_step_bf16_tile() makes them.
template <int kPlanes>
__device__ __forceinline__ float4 sum_up(const Resident& here, int from, int64_t rows, int64_t row,
                                         int64_t unit) {
  const int steps_of_block = kWordUnits / kBf16Depth * here.at.own;
  Bf16Sums<2> sum = {};
  for_own_steps((here.job.visible + kBf16Depth - 1) / kBf16Depth,
                [&](int64_t number) {
                  const int step = static_cast<int>(number), block = step / steps_of_block;
                  const Operand v = here.visible(from, rows, block);
                  return load_step<2, false>(LaneRows<2, SameRows>(v, {}, row), here.weights(block),
                                             unit, step % steps_of_block);
                },
                [&](const HalfStepInput<2>& in) { multiply<2, kPlanes>(in, sum); });
  __syncthreads();  // the memory was in use
  return add_warps<float4>(here.part<float>(here.at.tile), sum.values[0], sum.values[1]);
}

// The four sums at (row, col) become probabilities, and bits in every block where `keeps`.
__device__ __forceinline__ void finish_up(const Resident& here, const HalfStepOutput& out,
                                          int64_t row, int64_t col, float4 sum, int to,
                                          bool keeps) {
  const float4 p = probabilities(pre_activation(out, col, sum));
  const bool inside = row < out.rows;
  if (out.mean != nullptr && inside) store_quad(out.mean, out.mean_stride, out.cols, row, col, p);
  if (!keeps) return;
  const int lane = threadIdx.x % 32;
  const uint32_t word = pack_row(draw_quad(out, row, col, p), lane);
  uint32_t* at = here.part<uint32_t>(to) + row * 2 * here.job.hidden_words + col / kTile;
  for (int block = lane % 8; inside && block < here.at.blocks; block += 8)
    *map_shared(at, static_cast<unsigned>(block)) = word;
}

template <int kPlanes>
__device__ __forceinline__ void go_up(const Resident& here, int64_t batch, int number) {
  const HalfStepOutput out = output_of(here, batch, number);
  const int from = number == 0 ? here.at.v0[batch % 2] : here.at.v1;
  const int to = number == 0 ? here.at.h0 : here.at.h1;
  const bool keeps = here.job.passes[number].to[0] != nullptr;
  const int row_tiles = tiles_of(out.rows), tiles = row_tiles * tiles_of(out.cols);
  for (int n = here.rank; n < tiles; n += here.at.blocks) {
    const int64_t row = n % row_tiles * kTile, unit = n / row_tiles * kTile;
    const float4 sum = sum_up<kPlanes>(here, from, out.rows, row, unit);
    finish_up(here, out, row + threadIdx.x / 8, unit + 4 * (threadIdx.x % 8), sum, to, keeps);
  }
}

// The bits of a warp's 32 rows x 32 of the block's own visible units.
__device__ __forceinline__ void finish_down(const Resident& here, const HalfStepOutput& out,
                                            int64_t row, int64_t unit, const Bf16Sums<2>& sum) {
  const int64_t first = here.first_unit(here.rank);
  const Operand bias{out.bias, nullptr, 0, 1, here.units(here.rank)};
  uint32_t* to = here.part<uint32_t>(here.at.v1) + unit / kTile;
#pragma unroll
  for (int half = 0; half < 4; ++half) {
    const int i = 2 * (half % 2);
    const int64_t r = row + 16 * (half / 2) + row_of(i);
    uint32_t word = 0;
#pragma unroll
    for (int j = i; j < i + 2; ++j) {
      const int64_t col = unit + col_of(j);
      const float4 total = four<float4>(sum.values[half / 2], j);
      const float4 p = probabilities(fused(total, out.scale, dense_quad(bias, 0, col)));
      word |= draw_quad(out, r, first + col, p) << col_of(j);
    }
    word |= __shfl_xor_sync(kAll, word, 1);
    word |= __shfl_xor_sync(kAll, word, 2);
    if (fragment_lane().t == 0 && r < out.rows) to[r * 2 * here.at.own] = word;
  }
}

template <int kPlanes>
__device__ __forceinline__ void go_down(const Resident& here, int64_t batch, int number) {
  const HalfStepOutput out = output_of(here, batch, number);
  const bool from_data = number == 1 && here.job.chains == 0;
  const Operand h = here.hidden(from_data ? here.at.h0 : here.at.h1, out.rows), w = here.weights();
  const int row_tiles = tiles_of(out.rows), tiles = row_tiles * tiles_of(w.rows);
  for (int n = threadIdx.x / 32; n < tiles; n += kWarps) {
    const int64_t row = n % row_tiles * kTile, unit = n / row_tiles * kTile;
    const LaneRows<2, SameRows> rows(h, {}, row);
    const Bf16Sums<2> sum = sum_in_one_warp(
        (h.cols + kBf16Depth - 1) / kBf16Depth,
        [&](int64_t step) { return load_step<2, true>(rows, w, unit, step); },
        [](const HalfStepInput<2>& in, Bf16Sums<2>& to) { multiply<2, kPlanes>(in, to); });
    finish_down(here, out, row, unit, sum);
  }
}

// ............................................................................... update

__device__ __forceinline__ Operand hidden_states(const Resident& here, const CdPass& pass, int bits,
                                                 int64_t rows) {
  if (here.job.hidden_samples) return here.hidden(bits, rows);
  return {pass.mean, nullptr, here.job.mean_stride, rows, here.job.hidden};
}

__device__ __forceinline__ CdProduct product_of(const Resident& here, int64_t batch) {
  const CdRunJob& job = here.job;
  const int64_t rows = job.rows_of(batch), chains = job.chains_of(batch);
  CdProduct product;
  product.v0 = here.visible(here.at.v0[batch % 2], rows);
  product.h0 = hidden_states(here, job.passes[0], here.at.h0, rows);
  product.v1 = here.visible(here.at.v1, chains);
  product.h1 = hidden_states(here, job.passes[job.pass_count - 1], here.at.h1, chains);
  set_weights(product, 1.0f / static_cast<float>(rows), 1.0f / static_cast<float>(chains));
  return product;
}

// The block's own weights: what they are, and what they become.
__device__ __forceinline__ CdOutput update_of(const Resident& here) {
  const CdRunJob& job = here.job;
  CdOutput out;
  out.rows = here.units(here.rank);
  out.cols = job.hidden;
  out.stride = here.at.stride;
  out.weight = out.new_weight = here.part<float>(here.at.weights);
  if (here.at.velocities)
    out.velocity = out.new_velocity = here.part<float>(here.at.velocity_weights);
  out.learning_rate = job.learning_rate;
  out.momentum = job.momentum;
  out.l1 = job.l1;
  out.l2 = job.l2;
  out.trouble = here.part<int>(here.at.trouble);
  return out;
}

template <int kPlanes>
__device__ __forceinline__ void update_weights(const CdProduct& product, const CdOutput& out) {
  const int64_t steps0 = (product.v0.rows + kBf16Depth - 1) / kBf16Depth,
                steps = steps0 + (product.v1.rows + kBf16Depth - 1) / kBf16Depth;
  const int row_tiles = tiles_of(out.rows), tiles = row_tiles * tiles_of(out.cols);
  for (int n = threadIdx.x / 32; n < tiles; n += kWarps) {
    const int64_t row = n % row_tiles * kTile, col = n / row_tiles * kTile;
    const Bf16Sums<2> sum = sum_in_one_warp(
        steps, [&](int64_t step) { return load_step(product, steps0, step, row, col); },
        [](const CdInput& in, Bf16Sums<2>& to) { multiply<kPlanes>(in, to); });
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      const int64_t r = row + 16 * (i / 4) + row_of(i % 4);
      const float4 g = times(four<float4>(sum.values[i / 4], i % 4), product.scale);
      if (r < out.rows) update_quad(out, r, col + col_of(i), g);
    }
  }
}

__device__ __forceinline__ CdBias bias_at(const Resident& here, int value, int velocity) {
  float* values = here.part<float>(value);
  float* velocities = here.at.velocities ? here.part<float>(velocity) : nullptr;
  return {values, velocities, values, velocities};
}

__device__ __forceinline__ void update_all_biases(const Resident& here, const CdProduct& product,
                                                  const CdOutput& out) {
  double* shares = here.part<double>(here.at.tile);
  const CdBias visible = bias_at(here, here.at.visible_bias, here.at.velocity_visible_bias),
               hidden = bias_at(here, here.at.hidden_bias, here.at.velocity_hidden_bias);
  for (int64_t col = 0; col < out.rows; col += kTile)
    update_biases(visible, out, product.v0, product.v1, col, out.trouble + 1, shares);
  // From the last block on, which has the fewest visible units.
  for (int n = here.at.blocks - 1 - here.rank; n < tiles_of(out.cols); n += here.at.blocks) {
    update_biases(hidden, out, product.h0, product.h1, n * kTile, out.trouble + 2, shares);
    float* mine = hidden.new_value + n * kTile + threadIdx.x;
    if (threadIdx.x >= kTile || n * kTile + threadIdx.x >= out.cols) continue;
    const int blocks = fault("kernel_bias_untold") ? 0 : here.at.blocks;
    for (int block = 0; block < blocks; ++block)
      if (block != here.rank) *map_shared(mine, static_cast<unsigned>(block)) = *mine;
  }
}

// Sets the cluster's flags in every block where one of this block's is set.
__device__ __forceinline__ void tell_trouble(const Resident& here) {
  int* mine = here.part<int>(here.at.trouble);
  for (int n = threadIdx.x; n < 3 * here.at.blocks; n += kThreads)
    if (mine[n % 3] != 0 && !(fault("kernel_trouble_untold") && n / 3 != here.rank))
      atomicExch(map_shared(mine, static_cast<unsigned>(n / 3)) + 3 + n % 3, 1);
}

// One batch; false where it makes a value non-finite.
template <int kPlanes>
__device__ __forceinline__ bool train(const Resident& here, int64_t batch) {
  for (int number = 0; number < here.job.pass_count; ++number) {
    if (number % 2 == 0)
      go_up<kPlanes>(here, batch, number);
    else
      go_down<kPlanes>(here, batch, number);
    meet_after_half_step();
  }
  const CdProduct product = product_of(here, batch);
  const CdOutput out = update_of(here);
  load_batch(here, batch + 1);
  update_weights<kPlanes>(product, out);
  update_all_biases(here, product, out);
  __syncthreads();
  tell_trouble(here);
  meet();
  const int* trouble = here.part<int>(here.at.trouble) + 3;
  return (trouble[0] | trouble[1] | trouble[2]) == 0;
}

template <int kPlanes>
__global__ void __launch_bounds__(kThreads, 1)
    cd_resident_kernel(const CdRunJob job, const CdSlices slices, CdProgress* progress) {
  const Resident here{job, slices, static_cast<int>(cluster_rank())};
  begin(here);
  meet();
  int64_t batch = 0;
  while (batch < job.batches && train<kPlanes>(here, batch)) ++batch;
  if (batch == job.batches) end(here);
  if (here.rank != 0 || threadIdx.x != 0) return;
  progress->batch[0] = batch;
  for (int i = 0; i < 3; ++i) progress->trouble[i] = here.part<int>(slices.trouble)[3 + i];
}

}  // namespace

CdResidentKernel resident_kernel(GibbsArithmetic how) {
  return how == GibbsArithmetic::kBf16x2 ? cd_resident_kernel<2> : cd_resident_kernel<3>;
}

}  // namespace gibbslab::cuda
