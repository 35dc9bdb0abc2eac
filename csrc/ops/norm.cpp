#include "csrc/ops/norm.h"

#include "csrc/ops/backend.h"
#include "csrc/ops/shapes.h"

namespace gibbslab::ops {

void require_channels(const char* op, const Channels& channels, const Tensor& x) {
  const int64_t c = channels.count();
  require(c > 0 && x.cols() % c == 0, op, [&] {
    return "x must have a multiple of " + std::to_string(c) + " columns, got shape " +
           shape_string(x.rows(), x.cols());
  });
  require_shape(op, "mean", *channels.mean, 1, c);
  require_shape(op, "variance", *channels.variance, 1, c);
  require_shape_if_given(op, "gamma", channels.gamma, 1, c);
  require_shape_if_given(op, "beta", channels.beta, 1, c);
}

void channel_moments(const Context& ctx, const Tensor& x, Tensor& mean, Tensor& variance) {
  constexpr const char* op = "channel_moments";
  require(!x.empty(), op, [] { return "x must have elements"; });
  require_channels(op, {&mean, &variance, nullptr, nullptr, 0.0f}, x);
  ctx.backend().norm.moments(ctx, x, mean, variance);
}

void batch_norm(const Context& ctx, const BatchNorm& job) {
  constexpr const char* op = "batch_norm";
  require_channels(op, job.channels, *job.x);
  require_shape(op, "out", *job.out, job.x->rows(), job.x->cols());
  require(is_activation(job.activation.kind), op,
          [] { return "the function must be an activation"; });
  if (!job.x->empty()) ctx.backend().norm.forward(ctx, job);
}

void batch_norm_backward(const Context& ctx, const BatchNormBackward& given) {
  constexpr const char* op = "batch_norm_backward";
  require_channels(op, given.channels, *given.x);
  require_shape(op, "dy", *given.dy, given.x->rows(), given.x->cols());
  require(is_activation(given.activation.kind), op,
          [] { return "the function must be an activation"; });
  if (given.activation.kind != FunctionKind::kIdentity)
    require_shape(op, "y", *given.y, given.x->rows(), given.x->cols());
  const int64_t c = given.channels.count();
  BatchNormBackward job = given;
  Tensor gamma, beta;
  const auto room = [&](Tensor*& out, Tensor& own) {
    if (out == nullptr) own = zeros(ctx, 1, c);
    if (out == nullptr) out = &own;
  };
  room(job.gamma_gradient, gamma);
  room(job.beta_gradient, beta);
  require_shape(op, "gamma_gradient", *job.gamma_gradient, 1, c);
  require_shape(op, "beta_gradient", *job.beta_gradient, 1, c);
  require_shape_if_given(op, "out", job.out, job.x->rows(), job.x->cols());
  if (!job.x->empty()) return ctx.backend().norm.backward(ctx, job);
  job.gamma_gradient->clear();
  job.beta_gradient->clear();
}

}  // namespace gibbslab::ops
