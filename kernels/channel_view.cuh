// The numbers of the channels of images, read where a channel is known.
#pragma once

#include <cuda_runtime.h>

#include "csrc/core/norm_formulas.h"
#include "csrc/ops/norm.h"

namespace gibbslab::cuda {

// Each (C); gamma and beta, or mean where there is no normalisation, may be null.
struct ChannelView {
  const float *mean = nullptr, *variance = nullptr, *gamma = nullptr, *beta = nullptr;
  float epsilon = 0.0f;

  __device__ ChannelNorm at(int64_t c) const {
    return ChannelNorm::of(mean[c], variance[c], epsilon, gamma != nullptr ? gamma[c] : 1.0f,
                           beta != nullptr ? beta[c] : 0.0f);
  }
};

inline ChannelView view(const Channels& x) {
  const auto data = [](const Tensor* t) { return t != nullptr ? t->data() : nullptr; };
  return {x.mean->data(), x.variance->data(), data(x.gamma), data(x.beta), x.epsilon};
}

}  // namespace gibbslab::cuda
