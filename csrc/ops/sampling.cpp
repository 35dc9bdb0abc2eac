#include "csrc/ops/sampling.h"

#include "csrc/core/error.h"
#include "csrc/ops/backend.h"
#include "csrc/ops/shapes.h"

namespace gibbslab::ops {
namespace {

void require_statistics(const char* op, const CdStatistics& job, const Tensor& w) {
  require_shape(op, "v0", *job.v0, job.v0->rows(), w.rows());
  require_shape(op, "h0", *job.h0, job.v0->rows(), w.cols());
  require_shape(op, "v1", *job.v1, job.v1->rows(), w.rows());
  require_shape(op, "h1", *job.h1, job.v1->rows(), w.cols());
}

}  // namespace

void half_step(const Context& ctx, const HalfStep& step) {
  const Tensor& w = step.weights->get();
  const bool up = step.direction == Direction::kUp;
  const int64_t in = up ? w.rows() : w.cols(), out = up ? w.cols() : w.rows();
  const int64_t batch = step.input->rows();
  require_shape("half_step", "input", *step.input, batch, in);
  if (step.bias || !step.added) require_shape("half_step", "bias", *step.bias, 1, out);
  if (step.added) require_shape("half_step", "added", *step.added, batch, out);
  if (step.pre) require_shape("half_step", "pre", *step.pre, batch, out);
  if (step.mean) require_shape("half_step", "mean", *step.mean, batch, out);
  if (step.sample) require_shape("half_step", "sample", *step.sample, batch, out);
  ctx.backend().sampling.half_step(ctx, step);
}

void activate(const Context& ctx, const Tensor& pre, float scale, const Draw& draw, Tensor* mean,
              BitTensor* sample) {
  if (mean) require_shape("activate", "mean", *mean, pre.rows(), pre.cols());
  if (sample) require_shape("activate", "sample", *sample, pre.rows(), pre.cols());
  ctx.backend().sampling.activate(ctx, pre, scale, draw, mean, sample);
}

void activate_rows(const Context& ctx, const Tensor& pre, const Tensor& scales, const Draw& draw,
                   Tensor* mean, BitTensor* sample) {
  require_shape("activate_rows", "scales", scales, 1, pre.rows());
  if (mean) require_shape("activate_rows", "mean", *mean, pre.rows(), pre.cols());
  if (sample) require_shape("activate_rows", "sample", *sample, pre.rows(), pre.cols());
  ctx.backend().sampling.activate_rows(ctx, pre, scales, draw, mean, sample);
}

void cd_statistics(const Context& ctx, const CdStatistics& job, Tensor& out) {
  require_statistics("cd_statistics", job, out);
  ctx.backend().sampling.cd_statistics(ctx, job, out);
}

bool cd_update(const Context& ctx, const CdStatistics& statistics, const Update& update) {
  require_statistics("cd_update", statistics, *update.weight);
  require_fitting("cd_update", update);
  return ctx.backend().sampling.cd_update(ctx, statistics, update);
}

bool reads_transposed(const Context& ctx) { return ctx.backend().sampling.reads_transposed(); }

}  // namespace gibbslab::ops
