#include "csrc/ops/norm.h"

#include <algorithm>
#include <vector>

#include "csrc/core/faults.h"
#include "csrc/core/norm_formulas.h"
#include "csrc/cpu/cpu_ops.h"
#include "csrc/cpu/shares.h"

namespace gibbslab::cpu {
namespace {

// Samples whose sums are added up alone: fixed, so that results do not depend on the threads.
constexpr int64_t kMostShares = 16;

std::vector<ChannelNorm> channel_norms(const Channels& channels) {
  std::vector<ChannelNorm> out(static_cast<size_t>(channels.count()));
  const auto at = [](const Tensor* x, size_t c, float otherwise) {
    return x != nullptr ? x->data()[c] : otherwise;
  };
  for (size_t c = 0; c < out.size(); ++c)
    out[c] =
        ChannelNorm::of(channels.mean->data()[c], channels.variance->data()[c], channels.epsilon,
                        at(channels.gamma, c, 1.0f), at(channels.beta, c, 0.0f));
  return out;
}

// Two sums for each channel, in float64.
struct ChannelSums {
  std::vector<double> first, second;
};

// The sums of what row(n, first, second) adds for each sample n, shares of them in order.
template <class Row>
ChannelSums channel_sums(const Context& ctx, int64_t batch, int64_t channels, const Row& row) {
  const int64_t shares = std::min(kMostShares, batch);
  const std::vector<double> zeros(static_cast<size_t>(channels));
  std::vector<ChannelSums> parts(static_cast<size_t>(shares), {zeros, zeros});
  parallel_for(ctx.threads(), shares, [&](int64_t s) {
    ChannelSums& part = parts[static_cast<size_t>(s)];
    for (int64_t n = batch * s / shares; n < batch * (s + 1) / shares; ++n)
      row(n, part.first.data(), part.second.data());
  });
  for (size_t s = 1; s < parts.size(); ++s)
    for (size_t c = 0; c < zeros.size(); ++c) {
      parts[0].first[c] += parts[s].first[c];
      parts[0].second[c] += parts[s].second[c];
    }
  return parts[0];
}

struct CpuNorm : NormOps {
  void moments(const Context& ctx, const Tensor& x, Tensor& mean, Tensor& variance) override {
    const int64_t channels = mean.cols();
    const double count = static_cast<double>(x.rows() * (x.cols() / channels));
    const ChannelSums sums =
        channel_sums(ctx, x.rows(), channels, [&](int64_t n, double* first, double* second) {
          const float* at = x.row(n);
          for (int64_t pixel = 0; pixel < x.cols(); pixel += channels, at += channels)
            for (int64_t c = 0; c < channels; ++c) {
              const double value = static_cast<double>(at[c]);
              first[c] += value;
              second[c] += value * value;
            }
        });
    for (size_t c = 0; c < sums.first.size(); ++c) {
      mean.data()[c] = static_cast<float>(sums.first[c] / count);
      variance.data()[c] = static_cast<float>(variance_of(sums.first[c], sums.second[c], count));
    }
  }

  void forward(const Context& ctx, const BatchNorm& job) override {
    const std::vector<ChannelNorm> norms = channel_norms(job.channels);
    const int64_t channels = job.channels.count(), cols = job.x->cols();
    for_rows(ctx.threads(), job.x->rows(), 1, [&](int64_t n) {
      const float* from = job.x->row(n);
      float* to = job.out->row(n);
      for (int64_t pixel = 0; pixel < cols; pixel += channels)
        for (int64_t c = 0; c < channels; ++c)
          to[pixel + c] = normalised(norms[static_cast<size_t>(c)], from[pixel + c]);
      if (job.activation.kind != FunctionKind::kIdentity)
        kernels().add_and_activate(job.activation, nullptr, to, cols);
    });
  }

  void backward(const Context& ctx, const BatchNormBackward& job) override {
    const std::vector<ChannelNorm> norms = channel_norms(job.channels);
    const int64_t channels = job.channels.count(), cols = job.x->cols();
    const ChannelSums sums =
        channel_sums(ctx, job.x->rows(), channels, [&](int64_t n, double* first, double* second) {
          const float *x = job.x->row(n), *dz = job.dz->row(n);
          for (int64_t pixel = 0; pixel < cols; pixel += channels, x += channels, dz += channels)
            for (int64_t c = 0; c < channels; ++c) {
              first[c] += static_cast<double>(dz[c]);
              second[c] +=
                  static_cast<double>(dz[c] * standardised(norms[static_cast<size_t>(c)], x[c]));
            }
        });
    const double count = static_cast<double>(job.x->rows() * (cols / channels));
    std::vector<float> mean(norms.size()), slope(norms.size());
    for (size_t c = 0; c < norms.size(); ++c) {
      job.beta_gradient->data()[c] = static_cast<float>(sums.first[c]);
      job.gamma_gradient->data()[c] = static_cast<float>(sums.second[c]);
      if (!job.of_batch || fault("batch_norm_constant_moments")) continue;
      mean[c] = static_cast<float>(sums.first[c] / count);
      slope[c] = static_cast<float>(sums.second[c] / count);
    }
    if (job.out != nullptr) give_gradient(ctx, job, norms, mean, slope);
  }

 private:
  static void give_gradient(const Context& ctx, const BatchNormBackward& job,
                            const std::vector<ChannelNorm>& norms, const std::vector<float>& mean,
                            const std::vector<float>& slope) {
    const int64_t channels = job.channels.count();
    for_rows(ctx.threads(), job.x->rows(), 1, [&](int64_t n) {
      const float *x = job.x->row(n), *dz = job.dz->row(n);
      float* to = job.out->row(n);
      for (int64_t pixel = 0; pixel < job.x->cols(); pixel += channels)
        for (int64_t c = 0; c < channels; ++c) {
          const size_t k = static_cast<size_t>(c);
          to[pixel + c] = norm_gradient(norms[k], x[pixel + c], dz[pixel + c], mean[k], slope[k]);
        }
    });
  }
};

}  // namespace

NormOps& norm_ops() {
  static CpuNorm ops;
  return ops;
}

}  // namespace gibbslab::cpu
