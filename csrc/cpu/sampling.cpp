#include "csrc/ops/sampling.h"

#include <algorithm>
#include <atomic>
#include <optional>

#include "csrc/core/faults.h"
#include "csrc/core/thread_pool.h"
#include "csrc/cpu/cpu_ops.h"
#include "csrc/cpu/kernels.h"

namespace gibbslab::cpu {
namespace {

// Rows that one task takes: enough to use a panel of weights again while it is in the cache.
constexpr int64_t kRowGrain = 8;
// Above this share of ones, lookup tables beat adding the active rows (measured on Zen 4).
constexpr double kTableDensity = 0.25;
// Tables cost about 11 adds per four rows: below this many rows they do not pay.
constexpr int64_t kTableRows = 16;

// Rows of W whose gradient is summed before it is applied: a multiple of 16, and a tile of 500
// columns fits the L2 cache.
constexpr int64_t kTileRows = 64;

BinaryProduct choose_method(const BitTensor& x) {
  const double density =
      static_cast<double>(kernels().count_ones(x.row(0), x.rows() * x.words_per_row())) /
      (static_cast<double>(x.rows()) * x.cols());
  return density > kTableDensity && x.rows() >= kTableRows ? BinaryProduct::kTables
                                                           : BinaryProduct::kActiveRows;
}

void activate_rows(const Tensor& pre, float scale, const Draw& draw, int64_t begin, int64_t end,
                   Tensor* mean, BitTensor* sample) {
  for (int64_t r = begin; r < end; ++r) {
    const int64_t chain =
        fault("neighbours_share_stream") ? (draw.first_row + r) / 2 : draw.first_row + r;
    const uint64_t counter = static_cast<uint64_t>(chain) * counters_per_row(pre.cols());
    kernels().activate_row({pre.row(r), pre.cols(), scale, counter, draw.stream, draw.seed,
                            mean ? mean->row(r) : nullptr, sample ? sample->row(r) : nullptr,
                            false});
  }
}

void add_bias(const Tensor& bias, Tensor& out, int64_t begin, int64_t end) {
  for (int64_t r = begin; r < end; ++r)
    for (int64_t c = 0; c < out.cols(); ++c) out.row(r)[c] += bias.data()[c];
}

// The factor that a half-step multiplies by, stored so that its rows are what an input bit adds.
const Tensor& factor_of(const Context& ctx, const HalfStep& step) {
  if (step.direction == Direction::kUp) return step.weights->get();
  if (fault("w_transposed_in_down_pass") &&
      step.weights->get().rows() == step.weights->get().cols())
    return step.weights->get();
  return step.weights->transposed(ctx);
}

BitTensor transposed_bits(const Context& ctx, const BitTensor& x) {
  BitTensor out = BitTensor::zeros(x.cols(), x.rows());
  const Pieces pieces(x.words_per_row(), 4, ctx.threads());
  parallel_for(ctx.threads(), pieces.count, [&](int64_t p) {
    kernels().transpose_bits(x, out, pieces.begin(p), pieces.end(p));
  });
  return out;
}

struct CpuSampling : SamplingOps {
  void half_step(const Context& ctx, const HalfStep& step) override {
    const Tensor& factor = factor_of(ctx, step);
    const int64_t batch = step.input->rows();
    Tensor pre = step.pre    ? *step.pre
                 : step.mean ? *step.mean  // overwritten in place, row by row
                             : Tensor::empty(batch, factor.cols());
    const bool hidden_bias_left_out =
        fault("hidden_bias_left_out") && step.direction == Direction::kUp;
    const Tensor* bias = hidden_bias_left_out ? nullptr : step.bias;
    const bool activates = step.mean != nullptr || step.sample != nullptr;
    if (!step.input->binary()) dense_pre_activation(ctx, step, factor, pre);
    std::optional<BinaryMatmul> job;
    if (step.input->binary())
      job = BinaryMatmul{&step.input->bits(),
                         &factor,
                         bias,
                         &pre,
                         0,
                         step.scale,
                         false,
                         choose_method(step.input->bits())};
    const Pieces pieces(batch, kRowGrain, ctx.threads());
    parallel_for(ctx.threads(), pieces.count, [&](int64_t p) {
      const int64_t begin = pieces.begin(p), end = pieces.end(p);
      if (job)
        kernels().binary_matmul(*job, begin, end);
      else if (bias)
        add_bias(*bias, pre, begin, end);
      if (activates) activate_rows(pre, 1.0f, step.draw, begin, end, step.mean, step.sample);
    });
  }

  void activate(const Context& ctx, const Tensor& pre, float scale, const Draw& draw, Tensor* mean,
                BitTensor* sample) override {
    const Pieces pieces(pre.rows(), kRowGrain, ctx.threads());
    parallel_for(ctx.threads(), pieces.count, [&](int64_t p) {
      activate_rows(pre, scale, draw, pieces.begin(p), pieces.end(p), mean, sample);
    });
  }

  void cd_statistics(const Context& ctx, const CdStatistics& job, Tensor& out) override {
    add_product(ctx, *job.v0, *job.h0, job.positive_scale, false, out);
    add_product(ctx, *job.v1, *job.h1, -job.negative_scale, true, out);
  }

  bool cd_update(const Context& ctx, const CdStatistics& statistics, const Update& job) override {
    if (statistics.v0->binary() && statistics.v1->binary() && !statistics.h0->binary() &&
        !statistics.h1->binary())
      return fused_update(ctx, statistics, job);
    // Zeros: the update looks for non-finite values in the padding too.
    Tensor gradient = Tensor::zeros(job.weight->rows(), job.weight->cols());
    cd_statistics(ctx, statistics, gradient);
    Update plain = job;
    plain.gradient = &gradient;
    const bool finite = ops::update(ctx, plain);
    if (job.new_transposed) ops::transpose(ctx, *job.new_weight, *job.new_transposed);
    return finite;
  }

 private:
  // The gradient never leaves the cache: a tile of rows is summed, then applied.
  static bool fused_update(const Context& ctx, const CdStatistics& s, const Update& job) {
    const BitTensor vt0 = transposed_bits(ctx, s.v0->bits()),
                    vt1 = transposed_bits(ctx, s.v1->bits());
    const BinaryProduct method0 = choose_method(vt0), method1 = choose_method(vt1);
    const int64_t rows = job.weight->rows(), tiles = (rows + kTileRows - 1) / kTileRows;
    std::atomic<bool> finite{true};
    parallel_for(ctx.threads(), tiles, [&](int64_t t) {
      const int64_t begin = t * kTileRows, end = std::min(rows, begin + kTileRows);
      Tensor tile = Tensor::empty(kTileRows, job.weight->cols());
      kernels().binary_matmul(
          {&vt0, &s.h0->dense(), nullptr, &tile, begin, s.positive_scale, false, method0}, begin,
          end);
      kernels().binary_matmul(
          {&vt1, &s.h1->dense(), nullptr, &tile, begin, -s.negative_scale, true, method1}, begin,
          end);
      for (int64_t i = begin; i < end; ++i)
        if (!kernels().update_row(row_update(job, i, tile.row(i - begin)))) finite = false;
      if (job.new_transposed) kernels().transpose(*job.new_weight, *job.new_transposed, begin, end);
    });
    return finite;
  }

  static void dense_pre_activation(const Context& ctx, const HalfStep& step, const Tensor& factor,
                                   Tensor& pre) {
    ops::matmul(ctx, step.input->dense(), false, factor, false, step.scale, 0.0f, pre);
  }

  // out (+)= scale v^T h, by the cheapest way the operands allow.
  static void add_product(const Context& ctx, const States& v, const States& h, float scale,
                          bool accumulate, Tensor& out) {
    if (!v.binary()) {
      ops::matmul(ctx, v.dense(), true, ops::unpacked(ctx, h), false, scale,
                  accumulate ? 1.0f : 0.0f, out);
      return;
    }
    const BitTensor vt = transposed_bits(ctx, v.bits());
    if (h.binary())
      add_popcounts(ctx, vt, transposed_bits(ctx, h.bits()), scale, accumulate, out);
    else
      add_active_rows(ctx, vt, h.dense(), scale, accumulate, out);
  }

  static void add_active_rows(const Context& ctx, const BitTensor& vt, const Tensor& h, float scale,
                              bool accumulate, Tensor& out) {
    const Tensor rows = h.padded() ? h : h.clone();
    const BinaryMatmul job{&vt, &rows, nullptr, &out, 0, scale, accumulate, choose_method(vt)};
    const Pieces pieces(vt.rows(), 16, ctx.threads());
    parallel_for(ctx.threads(), pieces.count,
                 [&](int64_t p) { kernels().binary_matmul(job, pieces.begin(p), pieces.end(p)); });
  }

  static void add_popcounts(const Context& ctx, const BitTensor& vt, const BitTensor& ht,
                            float scale, bool accumulate, Tensor& out) {
    const int64_t words = ht.words_per_row(), padded = round_up(out.cols(), kLanes);
    BitTensor by_word = BitTensor::zeros(words, padded * 64);
    for (int64_t j = 0; j < ht.rows(); ++j)
      for (int64_t w = 0; w < words; ++w) by_word.row(w)[j] = ht.row(j)[w];
    const Pieces pieces(vt.rows(), 16, ctx.threads());
    parallel_for(ctx.threads(), pieces.count, [&](int64_t p) {
      for (int64_t i = pieces.begin(p); i < pieces.end(p); ++i)
        kernels().popcount_row(vt.row(i), by_word.row(0), words, padded, scale, accumulate,
                               out.row(i));
    });
  }
};

}  // namespace

SamplingOps& sampling_ops() {
  static CpuSampling ops;
  return ops;
}

}  // namespace gibbslab::cpu
