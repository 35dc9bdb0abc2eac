// A step of contrastive divergence as 2 k + 2 kernels that the host need not wait for:
//
//   h0 = u < sigmoid(v0 W + b);  k times v1 = u < sigmoid(h W^T + a), h1 = u < sigmoid(v1 W + b);
//   W += rate (momentum dW + v0^T h0 / B - v1^T h1 / C - decay), a and b likewise.
//
// v0 (B, V) rows of the packed data, h0 (B, H), v1 (C, V), h1 (C, H) packed bits and, for the
// gradient, float rows of probabilities; W (V, H). The half-steps' tiles and that of the update are
// those of gibbs_bf16.cu, cd_bf16.cu and of their float32 twins: the same sums, bit for bit. The
// first kernel reads the data through the order, and leaves a copy of its rows for the last.
//
// The kernels of all steps are the same: the number of the batch is handed from kernel to kernel
// through device memory, no kernel writing the number that it reads. A run that is over, or whose
// flag is up, lets the rest pass with nothing done.
//
// Update: a block of 256 threads owns 32 x 32 weights; the blocks beyond those own 32 biases each
// (cd_bias.cuh).
#include "kernels/cd_bf16.cuh"
#include "kernels/cd_bias.cuh"
#include "kernels/cd_fp32.cuh"
#include "kernels/cd_run.cuh"
#include "kernels/half_step_bf16.cuh"
#include "kernels/half_step_fp32.cuh"
#include "kernels/launch.cuh"
#include "kernels/leaf.cuh"

namespace gibbslab::cuda {
namespace {

// ----------------------------------------------------------------------------- kernels

// How products are computed; the tiles of 32 rows and 32 units, and the memory that they take.
template <int kPlanes>
struct Bf16 {
  using Memory = float[kWarps * kTile * kPitch];
  template <bool kTransposed, class Rows>
  static __device__ void half_step(const Operand& x, const Rows& rows, const Operand& w,
                                   const HalfStepOutput& out, int64_t row, int64_t unit,
                                   Memory& memory) {
    half_step_bf16_tile<2, kPlanes, kTransposed>(x, rows, w, out, row, unit, memory);
  }
  static __device__ void update(const CdProduct& product, const CdOutput& out, int64_t row,
                                int64_t col, Memory& memory) {
    cd_bf16_tile<kPlanes, true>(product, out, row, col, memory);
  }
};

struct Fp32 {
  using Memory = CdMemory;
  template <bool kTransposed, class Rows>
  static __device__ void half_step(const Operand& x, const Rows& rows, const Operand& w,
                                   const HalfStepOutput& out, int64_t row, int64_t unit,
                                   Memory& memory) {
    half_step_fp32_tile<kTransposed>(x, rows, w, out, row, unit, memory.tile);
  }
  static __device__ void update(const CdProduct& product, const CdOutput& out, int64_t row,
                                int64_t col, Memory& memory) {
    cd_fp32_tile<true>(product, out, row, col, memory);
  }
};

// The batch that kernel `number` of the step works on, handed on to the next kernel; false where
// none is left.
__device__ bool take_batch(const CdRunJob& job, CdProgress& progress, int number, int64_t& batch) {
  const bool one = blockIdx.x == 0 && blockIdx.y == 0 && threadIdx.x == 0;
  batch = progress.batch[number];
  if (number == 0 && (progress.trouble[0] | progress.trouble[1] | progress.trouble[2]) != 0)
    batch = job.batches;
  if (number < job.pass_count) {
    if (one) progress.batch[number + 1] = batch;
  } else if (one && batch < job.batches && !fault("kernel_batch_not_advanced")) {
    progress.batch[0] = batch + 1;
  }
  return batch < job.batches;
}

// The half of a pair that a batch reads.
template <class T>
__device__ __forceinline__ T half_of(const T (&pair)[2], int64_t batch) {
  return batch % 2 != 0 ? pair[1] : pair[0];
}

// A half-step of one batch. One thread fills it in, the block reads it in shared memory.
struct CdHalfStep {
  Operand x, w;
  HalfStepOutput out;
  OrderedRows rows;  // of the data
  bool active;       // whether there is a batch

  // What does not depend on the batch is read while the kernel before this one still runs.
  __device__ void fill(const CdRunJob& job, CdProgress& progress, int number) {
    const bool up = number % 2 == 0, first = number == 0;
    const CdPass pass = job.passes[number];
    const CdParameters both[2] = {job.parameters[0], job.parameters[1]};
    w = {nullptr, nullptr, job.weight_stride, job.visible, job.hidden};
    x.stride = up ? job.visible_words : job.hidden_words;
    x.cols = up ? job.visible : job.hidden;
    out = {};
    out.cols = up ? job.hidden : job.visible;
    out.words = up ? job.hidden_words : job.visible_words;
    out.mean = pass.mean;
    out.mean_stride = job.mean_stride;
    wait_for_previous_kernel();
    int64_t batch;
    active = take_batch(job, progress, number, batch);
    const CdParameters now = half_of(both, batch);
    x.dense = nullptr;
    x.bits = first ? job.data : half_of(pass.from, batch);
    x.rows = out.rows = first ? job.rows_of(batch) : job.chains_of(batch);
    w.dense = now.weights;
    out.bias = up ? now.hidden_bias : now.visible_bias;
    out.sample = half_of(pass.to, batch);
    out.draw = job.draw_of(batch, pass.draw, up ? Layer::kHidden : Layer::kVisible);
    rows.order = job.order + batch * job.batch;
  }
};

// Copies the block's 32 rows, as far as there are any.
__device__ void copy_rows(const Operand& x, const OrderedRows& rows, int64_t row, uint64_t* to) {
  const int64_t r = row + threadIdx.x / 8;
  if (r >= x.rows) return;
  for (int64_t word = threadIdx.x % 8; word < x.stride; word += 8)
    to[r * x.stride + word] = x.bits[rows(r) * x.stride + word];
}

enum class Pass { kData, kDown, kUp };

template <class How, Pass kPass>
__global__ void __launch_bounds__(kThreads, 2)
    cd_half_step_kernel(const CdRunJob* run, CdProgress* progress, int number) {
  alignas(16) __shared__ typename How::Memory memory;
  alignas(16) __shared__ unsigned char step_memory[sizeof(CdHalfStep)];
  CdHalfStep& step = *reinterpret_cast<CdHalfStep*>(step_memory);
  let_next_kernel_start();
  if (threadIdx.x == 0) step.fill(*run, *progress, number);
  wait_for_previous_kernel();
  __syncthreads();
  const int64_t row = int64_t{blockIdx.x} * kTile, unit = int64_t{blockIdx.y} * kTile;
  if (!step.active || row >= step.out.rows) return;
  if constexpr (kPass == Pass::kData) {
    if (blockIdx.y == 0) copy_rows(step.x, step.rows, row, run->v0);
    How::template half_step<false>(step.x, step.rows, step.w, step.out, row, unit, memory);
  } else {
    How::template half_step<kPass == Pass::kDown>(step.x, SameRows{}, step.w, step.out, row, unit,
                                                  memory);
  }
}

// The update of one batch, likewise.
struct CdStepUpdate {
  CdProduct product;
  CdOutput out;
  CdBias visible, hidden;
  bool active;

  __device__ Operand hidden_states(const CdRunJob& job, const CdPass& pass, int64_t batch,
                                   int64_t rows) const {
    if (job.hidden_samples)
      return {nullptr, half_of(pass.to, batch), job.hidden_words, rows, job.hidden};
    return {pass.mean, nullptr, job.mean_stride, rows, job.hidden};
  }
  __device__ void set_output(const CdRunJob& job, const CdParameters& now,
                             const CdParameters& next) {
    out = {};
    out.rows = job.visible;
    out.cols = job.hidden;
    out.stride = job.weight_stride;
    out.weight = now.weights;
    out.velocity = now.velocity_weights;
    out.new_weight = next.weights;
    out.new_velocity = next.velocity_weights;
    out.learning_rate = job.learning_rate;
    out.momentum = job.momentum;
    out.l1 = job.l1;
    out.l2 = job.l2;
    visible = {now.visible_bias, now.velocity_visible_bias, next.visible_bias,
               next.velocity_visible_bias};
    hidden = {now.hidden_bias, now.velocity_hidden_bias, next.hidden_bias,
              next.velocity_hidden_bias};
  }
  __device__ void fill(const CdRunJob& job, CdProgress& progress) {
    const CdPass first = job.passes[0], last = job.passes[job.pass_count - 1];
    const CdParameters both[2] = {job.parameters[0], job.parameters[1]};
    wait_for_previous_kernel();
    int64_t batch;
    active = take_batch(job, progress, job.pass_count, batch);
    const int64_t rows = job.rows_of(batch), chains = job.chains_of(batch);
    product.v0 = {nullptr, job.v0, job.visible_words, rows, job.visible};
    product.h0 = hidden_states(job, first, batch, rows);
    product.v1 = {nullptr, half_of(last.from, batch), job.visible_words, chains, job.visible};
    product.h1 = hidden_states(job, last, batch, chains);
    set_weights(product, 1.0f / static_cast<float>(rows), 1.0f / static_cast<float>(chains));
    set_output(job, half_of(both, batch), half_of(both, batch + 1));
    out.trouble = progress.trouble;
  }
};

template <class How>
__global__ void __launch_bounds__(kThreads, 2)
    cd_step_update_kernel(const CdRunJob* run, CdProgress* progress) {
  alignas(16) __shared__ typename How::Memory memory;
  alignas(16) __shared__ unsigned char step_memory[sizeof(CdStepUpdate)];
  CdStepUpdate& step = *reinterpret_cast<CdStepUpdate*>(step_memory);
  let_next_kernel_start();
  if (threadIdx.x == 0) step.fill(*run, *progress);
  wait_for_previous_kernel();
  __syncthreads();
  if (!step.active) return;
  const CdProduct& sums = step.product;
  const CdOutput& out = step.out;
  const int64_t row = int64_t{blockIdx.x} * kTile, col = int64_t{blockIdx.y} * kTile;
  if (col < out.cols) return How::update(sums, out, row, col, memory);
  // The blocks beyond the weights: visible biases first, in whole tiles.
  const int64_t beyond = int64_t{blockIdx.y} - (out.cols + kTile - 1) / kTile,
                i = beyond * gridDim.x + blockIdx.x, hidden = i - gridDim.x;
  double* shares = reinterpret_cast<double*>(&memory);
  if (hidden < 0)
    update_biases(step.visible, out, sums.v0, sums.v1, i * kTile, out.trouble + 1, shares);
  else
    update_biases(step.hidden, out, sums.h0, sums.h1, hidden * kTile, out.trouble + 2, shares);
}

// --------------------------------------------------------------------------- launchers

template <class How>
void queue_step(const CdRunKey& key, const CdRunJob* job, CdProgress* progress, cudaStream_t s) {
  const CdRunSizes& sizes = key.sizes;
  const unsigned visible = tiles(sizes.visible), hidden = tiles(sizes.hidden),
                 batch = tiles(sizes.batch),
                 chains = sizes.chains > 0 ? tiles(sizes.chains) : batch;
  const auto pass = [&](auto kernel, unsigned rows, unsigned units, int number) {
    launch_dependent(kernel, dim3(rows, units), dim3(kThreads), 0, s, job, progress, number);
  };
  pass(cd_half_step_kernel<How, Pass::kData>, batch, hidden, 0);
  for (int sweep = 0; sweep < sizes.k; ++sweep) {
    pass(cd_half_step_kernel<How, Pass::kDown>, chains, visible, 2 * sweep + 1);
    pass(cd_half_step_kernel<How, Pass::kUp>, chains, hidden, 2 * sweep + 2);
  }
  const unsigned bias_rows = (visible + hidden + visible - 1) / visible;
  launch_dependent(cd_step_update_kernel<How>, dim3(visible, hidden + bias_rows), dim3(kThreads), 0,
                   s, job, progress);
}

}  // namespace

void queue_cd_step(const CdRunKey& key, const CdRunJob* job, CdProgress* progress, cudaStream_t s) {
  if (key.how == GibbsArithmetic::kFp32) return queue_step<Fp32>(key, job, progress, s);
  if (key.how == GibbsArithmetic::kBf16x2) return queue_step<Bf16<2>>(key, job, progress, s);
  queue_step<Bf16<3>>(key, job, progress, s);
}

}  // namespace gibbslab::cuda
