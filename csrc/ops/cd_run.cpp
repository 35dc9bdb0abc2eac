#include "csrc/ops/cd_run.h"

#include "csrc/core/error.h"
#include "csrc/ops/backend.h"
#include "csrc/ops/shapes.h"

namespace gibbslab {
namespace {

constexpr const char* kName = "cd_run";

void require_parameters(const std::string& prefix, const Tensor& w, const Tensor& a,
                        const Tensor& b, int64_t visible, int64_t hidden) {
  require_shape(kName, (prefix + "weights").c_str(), w, visible, hidden);
  require_shape(kName, (prefix + "visible_bias").c_str(), a, 1, visible);
  require_shape(kName, (prefix + "hidden_bias").c_str(), b, 1, hidden);
}

void require_state(const CdState& s, int64_t visible, int64_t hidden, bool velocities,
                   int64_t chains) {
  require_parameters("", s.weights, s.visible_bias, s.hidden_bias, visible, hidden);
  if (velocities)
    require_parameters("velocity_", s.velocity_weights, s.velocity_visible_bias,
                       s.velocity_hidden_bias, visible, hidden);
  require_shape(kName, "chains", s.chains, chains, chains > 0 ? hidden : s.chains.cols());
}

}  // namespace

CdRunResult CdRunOps::run(const Context&, const CdRun&) {
  throw DeviceError("[cd_run] the backend does not offer it");
}

namespace ops {

bool offers_cd_run(const Context& ctx, const CdRunSizes& sizes) {
  return ctx.backend().cd_run.offers(ctx, sizes);
}

CdRunResult cd_run(const Context& ctx, const CdRun& job) {
  const CdState& state = *job.state;
  const int64_t visible = job.data->cols(), hidden = state.weights.cols();
  const bool velocities = !state.velocity_weights.empty();
  require(job.rows >= 1 && job.batch >= 1 && job.k >= 1, kName,
          [] { return "rows, batch and k must be at least 1"; });
  require(velocities || job.momentum == 0.0f, kName, [] { return "momentum needs velocities"; });
  for (const CdState* s : {job.state, job.spare})
    require_state(*s, visible, hidden, velocities, state.chains.rows());
  return ctx.backend().cd_run.run(ctx, job);
}

}  // namespace ops
}  // namespace gibbslab
