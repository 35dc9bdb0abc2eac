#include "csrc/ops/norm.h"

#include <algorithm>
#include <vector>

#include "csrc/core/faults.h"
#include "csrc/core/norm_formulas.h"
#include "csrc/cpu/channel_lanes.h"
#include "csrc/cpu/cpu_ops.h"
#include "csrc/cpu/shares.h"

namespace gibbslab::cpu {
namespace {

// Samples whose sums are added up alone: fixed, so that results do not depend on the threads.
constexpr int64_t kMostShares = 16;

// The sums of shares of the samples, row(share, n) adding those of sample n.
template <class Row>
ChannelParts sums_of_shares(const Context& ctx, int64_t batch, int64_t channels, const Row& row) {
  ChannelParts parts(std::min(kMostShares, batch), channels);
  parallel_for(ctx.threads(), parts.parts(), [&](int64_t s) {
    for (int64_t n = batch * s / parts.parts(); n < batch * (s + 1) / parts.parts(); ++n)
      row(parts, s, n);
  });
  return parts;
}

// A batch to go back through, in rows that the kernels take.
class GradientRows {
 public:
  explicit GradientRows(const BatchNormBackward& job)
      : f_(job.activation),
        dy_(job.dy->with_padding()),
        x_(job.x->with_padding()),
        y_(f_.kind == FunctionKind::kIdentity ? dy_ : job.y->with_padding()),
        lanes_(job.channels) {}

  NormGradientRow operator[](int64_t n) const {
    return {lanes_.lanes(), f_, x_.row(n), y_.row(n), dy_.row(n), x_.cols()};
  }
  int64_t count() const { return x_.rows(); }
  int64_t cols() const { return x_.cols(); }

 private:
  Function f_;
  Tensor dy_, x_, y_;
  ChannelLanes lanes_;
};

struct CpuNorm : NormOps {
  void moments(const Context& ctx, const Tensor& given, Tensor& mean, Tensor& variance) override {
    const Tensor x = given.with_padding();
    const int64_t channels = mean.cols(), pixels = x.cols() / channels;
    sums_of_shares(ctx, x.rows(), channels, [&](ChannelParts& parts, int64_t s, int64_t n) {
      parts.add_moments(s, x.row(n), pixels);
    }).give_moments(mean, variance);
  }

  void forward(const Context& ctx, const BatchNorm& job) override {
    const ChannelLanes lanes(job.channels);
    const Tensor x = job.x->with_padding();
    for_rows(ctx.threads(), x.rows(), 1, [&](int64_t n) {
      kernels().normalise_row(lanes.lanes(), job.activation, x.row(n), job.out->row(n), x.cols());
    });
  }

  void backward(const Context& ctx, const BatchNormBackward& job) override {
    const GradientRows rows(job);
    const int64_t channels = job.channels.count();
    ChannelParts parts =
        sums_of_shares(ctx, rows.count(), channels, [&](ChannelParts& sums, int64_t s, int64_t n) {
          kernels().gradient_sums(rows[n], sums.first(s), sums.second(s));
        });
    for (int64_t c = 0; c < channels; ++c) {
      double sum = 0, products = 0;
      for (int64_t s = 0; s < parts.parts(); ++s) {
        sum += parts.sum(parts.first(s), c);
        products += parts.sum(parts.second(s), c);
      }
      job.beta_gradient->data()[c] = static_cast<float>(sum);
      job.gamma_gradient->data()[c] = static_cast<float>(products);
    }
    if (job.out != nullptr) give_gradient(ctx, job, rows);
  }

 private:
  static void give_gradient(const Context& ctx, const BatchNormBackward& job,
                            const GradientRows& rows) {
    const int64_t channels = job.channels.count();
    const bool moving = job.of_batch && !fault("batch_norm_constant_moments");
    const double share =
        moving ? 1.0 / static_cast<double>(rows.count() * (rows.cols() / channels)) : 0.0;
    const Tensor means = spread_channels(2, channels, [&](int64_t c) {
      const auto mean = [&](const Tensor* sums) {
        return static_cast<float>(static_cast<double>(sums->data()[c]) * share);
      };
      return std::vector<float>{mean(job.beta_gradient), mean(job.gamma_gradient)};
    });
    for_rows(ctx.threads(), rows.count(), 1, [&](int64_t n) {
      kernels().norm_gradient_row(rows[n], means.row(0), means.row(1), job.out->row(n));
    });
  }
};

}  // namespace

NormOps& norm_ops() {
  static CpuNorm ops;
  return ops;
}

}  // namespace gibbslab::cpu
