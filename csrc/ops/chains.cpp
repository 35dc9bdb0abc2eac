#include "csrc/ops/chains.h"

#include "csrc/core/error.h"
#include "csrc/ops/backend.h"
#include "csrc/ops/shapes.h"

namespace gibbslab {
namespace {

void require_model(const char* op, const ChainModel& model) {
  const Tensor& w = model.weights->get();
  require_shape_if_given(op, "visible_bias", model.visible_bias, 1, w.rows());
  require_shape_if_given(op, "hidden_bias", model.hidden_bias, 1, w.cols());
}

[[noreturn]] void not_offered(const char* op) {
  throw DeviceError(std::string("[") + op + "] the backend does not offer it");
}

}  // namespace

void ChainOps::anneal(const Context&, const Anneal&) { not_offered("anneal"); }
void ChainOps::sweep(const Context&, const ChainSweeps&) { not_offered("sweep_chains"); }

namespace ops {

bool offers_chains(const Context& ctx, const ChainSizes& sizes) {
  return ctx.backend().chains.offers(ctx, sizes);
}

void anneal(const Context& ctx, const Anneal& job) {
  const int64_t visible = job.model.weights->get().rows();
  require_model("anneal", job.model);
  require_shape_if_given("anneal", "base_bias", job.base_bias, 1, visible);
  require_shape_if_given("anneal", "bias_difference", job.bias_difference, 1, visible);
  require_shape_if_given("anneal", "v", job.v, job.v->rows(), visible);
  ctx.backend().chains.anneal(ctx, job);
}

void sweep_chains(const Context& ctx, const ChainSweeps& job) {
  const char* op = "sweep_chains";
  const Tensor& w = job.model.weights->get();
  const int64_t chains = job.start->rows();
  require_model(op, job.model);
  require_shape_if_given(op, "start", job.start, chains, job.from_hidden ? w.cols() : w.rows());
  if (job.mask != nullptr)
    require_shape_if_given(op, "mask", job.mask, job.mask->rows() == 1 ? 1 : chains, w.rows());
  require_shape_if_given(op, "known", job.known, chains, w.rows());
  require_shape_if_given(op, "hidden_mean", job.hidden_mean, chains, w.cols());
  require_shape_if_given(op, "visible_mean", job.visible_mean, chains, w.rows());
  require_shape_if_given(op, "hidden", job.hidden, chains, w.cols());
  require_shape_if_given(op, "visible", job.visible, chains, w.rows());
  ctx.backend().chains.sweep(ctx, job);
}

}  // namespace ops
}  // namespace gibbslab
