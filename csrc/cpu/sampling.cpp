#include "csrc/ops/sampling.h"

#include <algorithm>
#include <atomic>
#include <optional>

#include "csrc/core/faults.h"
#include "csrc/core/products.h"
#include "csrc/cpu/bit_product.h"
#include "csrc/cpu/blas.h"
#include "csrc/cpu/cpu_ops.h"
#include "csrc/cpu/fixed_point.h"
#include "csrc/cpu/shares.h"

namespace gibbslab::cpu {
namespace {

// A scale for every row, or one for all.
struct Scales {
  float all = 1.0f;
  const float* rows = nullptr;
  float operator[](int64_t r) const { return rows != nullptr ? rows[r] : all; }
};

void activate_block(const Tensor& pre, const Scales& scales, const Draw& draw, const Block& block,
                    Tensor* mean, BitTensor* sample) {
  const int64_t c = block.column;
  const Kernels& kernel = kernels();
  for (int64_t r = block.row; r < block.row_end; ++r) {
    const int64_t chain =
        fault("neighbours_share_stream") ? (draw.first_row + r) / 2 : draw.first_row + r;
    const uint64_t counter = static_cast<uint64_t>(chain) * counters_per_row(pre.cols());
    kernel.activate_row({pre.row(r) + c, block.column_end - c, scales[r],
                         counter + static_cast<uint64_t>(c / 4), draw.stream, draw.seed,
                         mean ? mean->row(r) + c : nullptr,
                         sample ? sample->row(r) + c / 64 : nullptr, false});
  }
}

void add_bias(const Tensor& bias, Tensor& out, const Block& block) {
  for (int64_t r = block.row; r < block.row_end; ++r)
    for (int64_t c = block.column; c < block.column_end; ++c) out.row(r)[c] += bias.data()[c];
}

void add_rows(const Tensor& x, Tensor& out, const Block& block) {
  for (int64_t r = block.row; r < block.row_end; ++r)
    for (int64_t c = block.column; c < block.column_end; ++c) out.row(r)[c] += x.row(r)[c];
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
  for_pieces(ctx.threads(), x.words_per_row(), 4, [&](int64_t begin, int64_t end) {
    kernels().transpose_bits(x, begin, end, out, 64 * begin);
  });
  return out;
}

// Asks for the lines of rows [begin, end) before they are written: the up pass of another core has
// them in its cache too, and a store would wait until that copy is gone.
void ask_for_writing(Tensor& x, int64_t begin, int64_t end) {
#if defined(__x86_64__)
  for (int64_t r = begin; r < end; ++r)
    for (int64_t c = 0; c < x.cols(); c += kLanes)
      asm volatile("prefetchw %0" : : "m"(x.row(r)[c]));
#endif
}

// 64 rows of a gradient, the visible units of one word of the states.
struct GradientTile {
  // Zeros: the update looks for non-finite values in the padding too.
  explicit GradientTile(int64_t hidden) : sum(Tensor::zeros(64, hidden)) {}

  // sum (+)= scale v[:, word]^T h, for the word's first `rows` units.
  void add(const BitTensor& v, int64_t word, int64_t rows, const Tensor& h, float scale,
           bool accumulate, BinaryProduct method) {
    if (units.cols() != v.rows()) units = BitTensor::zeros(64, v.rows());
    kernels().transpose_bits(v, word, word + 1, units, 0);
    kernels().binary_matmul(
        {&units, &h, nullptr, &sum, 0, scale, accumulate, method, 0, sum.cols()}, 0, rows);
  }

  // The same of real values, which come first.
  void set(const Tensor& v, int64_t word, int64_t rows, const Tensor& h, float scale) {
    gemm({true, false, rows, sum.cols(), v.rows(), scale, v.data() + 64 * word, v.stride(),
          h.data(), h.stride(), 0.0f, sum.data(), sum.stride()});
  }

  BitTensor units;  // (64, B)
  Tensor sum;       // (64, H)
};

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
    std::optional<BitProduct> product;
    std::optional<FixedPointWeights> fixed;
    if (!step.input->binary())
      dense_pre_activation(ctx, step, factor, pre);
    else if (fixed_point_products())
      fixed.emplace(ctx, factor);
    else
      product.emplace(ctx, step, factor, bias, pre);
    const Shares shares(batch, pre.cols(), ctx.threads());
    parallel_for(ctx.threads(), shares.count(), [&](int64_t p) {
      const Block block = shares[p];
      if (fixed)
        fixed->multiply(step.input->bits(), step.scale, bias, pre, block.row, block.row_end,
                        block.column, block.column_end);
      else if (product)
        product->finish(block);
      else if (bias)
        add_bias(*bias, pre, block);
      if (step.added && !fault("added_input_left_out")) add_rows(*step.added, pre, block);
      if (activates) activate_block(pre, {}, step.draw, block, step.mean, step.sample);
    });
  }

  void activate(const Context& ctx, const Tensor& pre, float scale, const Draw& draw, Tensor* mean,
                BitTensor* sample) override {
    activate_all(ctx, pre, {scale}, draw, mean, sample);
  }

  void activate_rows(const Context& ctx, const Tensor& pre, const Tensor& scales, const Draw& draw,
                     Tensor* mean, BitTensor* sample) override {
    activate_all(ctx, pre, {1.0f, scales.data()}, draw, mean, sample);
  }

  void cd_statistics(const Context& ctx, const CdStatistics& job, Tensor& out) override {
    add_product(ctx, *job.v0, *job.h0, job.positive_scale, false, out);
    add_product(ctx, *job.v1, *job.h1, -job.negative_scale, true, out);
  }

  bool cd_update(const Context& ctx, const CdStatistics& statistics, const Update& job) override {
    if (statistics.v1->binary() && !statistics.h0->binary() && !statistics.h1->binary())
      return fused_update(ctx, statistics, job);
    Tensor gradient = Tensor::zeros(job.weight->rows(), job.weight->cols());
    cd_statistics(ctx, statistics, gradient);
    Update plain = job;
    plain.gradient = &gradient;
    const bool finite = ops::update(ctx, plain);
    if (job.new_transposed) ops::transpose(ctx, *job.new_weight, *job.new_transposed);
    return finite;
  }

 private:
  static void activate_all(const Context& ctx, const Tensor& pre, const Scales& scales,
                           const Draw& draw, Tensor* mean, BitTensor* sample) {
    const Shares shares(pre.rows(), pre.cols(), ctx.threads());
    parallel_for(ctx.threads(), shares.count(),
                 [&](int64_t p) { activate_block(pre, scales, draw, shares[p], mean, sample); });
  }

  // The gradient never leaves the cache: 64 rows of it, one word of the visible states, are summed
  // and then applied. A thread takes the rows whose transpose it reads in the next down pass.
  static bool fused_update(const Context& ctx, const CdStatistics& s, const Update& job) {
    const int64_t rows = job.weight->rows(), words = (rows + 63) / 64;
    const int64_t together = std::min<int64_t>(64, rows);
    const bool real = !s.v0->binary();
    const BinaryProduct method1 = choose_method(s.v1->bits(), together),
                        method0 = real ? method1 : choose_method(s.v0->bits(), together);
    const SingleThreadedBlas guard;
    std::atomic<bool> finite{true};
    for_pieces(ctx.threads(), words, 1, [&](int64_t first, int64_t end) {
      GradientTile tile(job.weight->cols());
      for (int64_t w = first; w < end; ++w) {
        const int64_t begin = 64 * w, count = std::min<int64_t>(64, rows - begin);
        ask_for_writing(*job.new_weight, begin, begin + count);
        if (real)
          tile.set(s.v0->dense(), w, count, s.h0->dense(), s.positive_scale);
        else
          tile.add(s.v0->bits(), w, count, s.h0->dense(), s.positive_scale, false, method0);
        tile.add(s.v1->bits(), w, count, s.h1->dense(), -s.negative_scale, true, method1);
        if (!kernels().update_rows(job, tile.sum, begin, begin, begin + count)) finite = false;
        if (job.new_transposed)
          kernels().transpose(*job.new_weight, *job.new_transposed, begin, begin + count);
      }
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
    const Tensor rows = h.with_padding();
    const BinaryMatmul job{&vt, &rows,     nullptr,    &out,
                           0,   scale,     accumulate, choose_method(vt, vt.rows()),
                           0,   out.cols()};
    for_pieces(ctx.threads(), vt.rows(), 16,
               [&](int64_t begin, int64_t end) { kernels().binary_matmul(job, begin, end); });
  }

  static void add_popcounts(const Context& ctx, const BitTensor& vt, const BitTensor& ht,
                            float scale, bool accumulate, Tensor& out) {
    const int64_t words = ht.words_per_row(), padded = round_up(out.cols(), kLanes);
    BitTensor by_word = BitTensor::zeros(words, padded * 64);
    for (int64_t j = 0; j < ht.rows(); ++j)
      for (int64_t w = 0; w < words; ++w) by_word.row(w)[j] = ht.row(j)[w];
    for_rows(ctx.threads(), vt.rows(), 16, [&](int64_t i) {
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
