// What follows the products of a convolution while they are in the cache: bias, normalisation and
// activation, or bias and moments.
#pragma once

#include <algorithm>
#include <optional>

#include "csrc/cpu/channel_lanes.h"
#include "csrc/ops/conv.h"

namespace gibbslab::cpu {

class ConvFinish {
 public:
  // `parts` of the result, each of which one task makes.
  ConvFinish(const Conv& job, int64_t channels, int64_t parts) : job_(job), channels_(channels) {
    if (job.norm != nullptr) norm_.emplace(*job.norm);
    if (job.mean != nullptr) parts_.emplace(parts, channels);
    if (job.bias == nullptr) return;
    bias_ = Tensor::zeros(1, job.out->cols());  // once for every pixel
    for (int64_t e = 0; e < bias_.cols(); e += channels)
      std::copy_n(job.bias->data(), channels, bias_.data() + e);
  }

  // Sample n, which belongs to a part.
  void sample(int64_t part, int64_t n) {
    float* row = job_.out->row(n);
    elements(row, job_.out->cols());
    if (parts_) parts_->add_moments(part, row, job_.out->cols() / channels_);
  }

  // One pixel of all samples, a part of its own, which begins at `to` in the first of them;
  // channels that are multiples of kLanes.
  void pixel(float* to) {
    const int64_t n = job_.out->rows(), stride = job_.out->stride();
    for (int64_t r = 0; r < n; ++r) elements(to + r * stride, channels_);
    if (parts_) parts_->add_moments((to - job_.out->data()) / channels_, to, n, stride);
  }

  // When all of the result is there.
  void end() {
    if (parts_) parts_->give_moments(*job_.mean, *job_.variance);
  }

 private:
  void elements(float* x, int64_t count) const {
    const bool identity = job_.activation.kind == FunctionKind::kIdentity;
    const float* bias = job_.bias != nullptr ? bias_.data() : nullptr;
    if (bias != nullptr || (!norm_ && !identity))
      kernels().add_and_activate(norm_ ? Function{} : job_.activation, bias, x, count);
    if (norm_) kernels().normalise_row(norm_->lanes(), job_.activation, x, x, count);
  }

  const Conv& job_;
  int64_t channels_;
  Tensor bias_;
  std::optional<ChannelLanes> norm_;
  std::optional<ChannelParts> parts_;
};

}  // namespace gibbslab::cpu
