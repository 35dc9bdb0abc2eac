// Gibbs half-steps and CD statistics on the device: which kernel serves which operands, and the
// activation of a stored product.
//
// activate: mean = sigmoid(scale pre), sample = u < mean, all (B, N), with one scale for all rows
// or one for each. A block of 256 threads owns 32 rows x 32 columns, a thread four neighbouring
// columns of a row (gibbs_epilogue.cuh).
#include "csrc/ops/sampling.h"

#include <string>

#include "csrc/core/faults.h"
#include "csrc/core/products.h"
#include "csrc/core/settings.h"
#include "kernels/device.cuh"
#include "kernels/gibbs_launch.cuh"
#include "kernels/launch.cuh"
#include "kernels/update.cuh"

namespace gibbslab::cuda {
namespace {

// ----------------------------------------------------------------------------- kernels

__global__ void __launch_bounds__(kThreads)
    activate_kernel(const Operand pre, const float* scales, const HalfStepOutput out) {
  const int64_t row = int64_t{blockIdx.x} * kTile + threadIdx.x / 8,
                col = int64_t{blockIdx.y} * kTile + 4 * (threadIdx.x % 8);
  const float scale = scales != nullptr && row < out.rows ? scales[row] : out.scale;
  finish_quad(out, row, col, times(dense_quad(pre, row, col), scale));
}

// --------------------------------------------------------------------------- launchers

GibbsArithmetic chosen_arithmetic() {
  if (fixed_point_products()) return GibbsArithmetic::kInt8x3;
  const std::string asked =
      setting("cuda", "GIBBSLAB_CUDA_MODE", {"fp32", "bf16x2", "bf16x3", "int8x3"});
  if (asked == "fp32") return GibbsArithmetic::kFp32;
  if (asked == "bf16x2") return GibbsArithmetic::kBf16x2;
  if (asked == "int8x3") return GibbsArithmetic::kInt8x3;
  return GibbsArithmetic::kBf16x3;
}

void set_outputs(const Draw& draw, Tensor* pre, Tensor* mean, BitTensor* sample,
                 HalfStepOutput& out) {
  out.draw = draw;
  if (pre != nullptr) {
    out.pre = pre->data();
    out.pre_stride = pre->stride();
  }
  if (mean != nullptr) {
    out.mean = mean->data();
    out.mean_stride = mean->stride();
  }
  if (sample != nullptr) {
    out.sample = sample->row(0);
    out.words = sample->words_per_row();
  }
}

void run_half_step(const HalfStepProduct& product, const HalfStepOutput& out) {
  const GibbsArithmetic how = product.x.bits != nullptr ? arithmetic() : GibbsArithmetic::kFp32;
  switch (how) {
    case GibbsArithmetic::kFp32:
      return half_step_fp32(product, out, stream());
    case GibbsArithmetic::kBf16x2:
      return half_step_bf16(product, out, 2, stream());
    case GibbsArithmetic::kBf16x3:
      return half_step_bf16(product, out, 3, stream());
    case GibbsArithmetic::kInt8x3:
      return half_step_int8(product, out, stream());
  }
}

// Probabilities have no common scale of their own: they are split into planes in every mode.
void run_cd(const CdProduct& product, const CdOutput& out) {
  const bool bits = product.v0.bits != nullptr && product.v1.bits != nullptr;
  const GibbsArithmetic how = bits ? arithmetic() : GibbsArithmetic::kFp32;
  if (how == GibbsArithmetic::kFp32) return cd_fp32(product, out, stream());
  cd_bf16(product, out, how == GibbsArithmetic::kBf16x2 ? 2 : 3, stream());
}

CdProduct product_of(const CdStatistics& job, const States (&operands)[4]) {
  CdProduct product{operand(operands[0]), operand(operands[1]), operand(operands[2]),
                    operand(operands[3])};
  set_weights(product, job.positive_scale, job.negative_scale);
  return product;
}

// `scales` (B), or null for one scale.
void launch_activate(const Tensor& pre, float scale, const float* scales, const Draw& draw,
                     Tensor* mean, BitTensor* sample) {
  const Tensor x = aligned(pre);
  HalfStepOutput out;
  out.scale = scale;
  out.rows = x.rows();
  out.cols = x.cols();
  set_outputs(draw, nullptr, mean, sample, out);
  launch(activate_kernel, dim3(tiles(out.rows), tiles(out.cols)), dim3(kThreads), 0, stream(),
         operand(x), scales, out);
}

struct CudaSampling : SamplingOps {
  void half_step(const Context&, const HalfStep& step) override {
    const bool up = step.direction == Direction::kUp;
    const Tensor w = aligned(step.weights->get());
    const Tensor bias = step.bias != nullptr ? aligned(*step.bias) : Tensor();
    const States x = aligned(*step.input);
    const Tensor added = step.added != nullptr ? aligned(*step.added) : Tensor();
    HalfStepProduct product{operand(x), operand(w), !up};
    if (fault("w_transposed_in_down_pass") && w.rows() == w.cols()) product.transposed = false;
    HalfStepOutput out;
    if (step.bias != nullptr && !(fault("hidden_bias_left_out") && up)) out.bias = bias.data();
    out.scale = step.scale;
    out.rows = x.rows();
    out.cols = up ? w.cols() : w.rows();
    if (step.added != nullptr) {
      out.added = added.data();
      out.added_stride = added.stride();
    }
    set_outputs(step.draw, step.pre, step.mean, step.sample, out);
    run_half_step(product, out);
  }

  void activate(const Context&, const Tensor& pre, float scale, const Draw& draw, Tensor* mean,
                BitTensor* sample) override {
    launch_activate(pre, scale, nullptr, draw, mean, sample);
  }

  void activate_rows(const Context&, const Tensor& pre, const Tensor& scales, const Draw& draw,
                     Tensor* mean, BitTensor* sample) override {
    launch_activate(pre, 1.0f, scales.data(), draw, mean, sample);
  }

  void cd_statistics(const Context&, const CdStatistics& job, Tensor& gradient) override {
    const States operands[] = {aligned(*job.v0), aligned(*job.h0), aligned(*job.v1),
                               aligned(*job.h1)};
    CdOutput out;
    out.rows = gradient.rows();
    out.cols = gradient.cols();
    out.stride = gradient.stride();
    out.gradient = gradient.data();
    run_cd(product_of(job, operands), out);
  }

  bool cd_update(const Context&, const CdStatistics& job, const Update& update) override {
    const States operands[] = {aligned(*job.v0), aligned(*job.h0), aligned(*job.v1),
                               aligned(*job.h1)};
    const PreparedUpdate prepared(update);
    run_cd(product_of(job, operands), prepared.output());
    return prepared.finite();
  }

  // Both directions read W where it lies.
  bool reads_transposed() const override { return false; }
};

}  // namespace

GibbsArithmetic arithmetic() {
  const GibbsArithmetic chosen = chosen_arithmetic();
  return architecture() >= kTensorCores ? chosen : GibbsArithmetic::kFp32;
}

SamplingOps& sampling_ops() {
  static CudaSampling ops;
  return ops;
}

}  // namespace gibbslab::cuda
