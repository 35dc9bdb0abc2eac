#include "csrc/ops/cd_run.h"

#include "csrc/core/error.h"
#include "csrc/ops/backend.h"

namespace gibbslab {
namespace {

constexpr const char* kName = "cd_run";

template <class T>
void require_shape(const std::string& name, const T& x, int64_t rows, int64_t cols) {
  require(x.rows() == rows && x.cols() == cols, kName, [&] {
    return name + " must have shape " + shape_string(rows, cols) + ", got " +
           shape_string(x.rows(), x.cols());
  });
}

void require_parameters(const std::string& prefix, const Tensor& w, const Tensor& a,
                        const Tensor& b, int64_t visible, int64_t hidden) {
  require_shape(prefix + "weights", w, visible, hidden);
  require_shape(prefix + "visible_bias", a, 1, visible);
  require_shape(prefix + "hidden_bias", b, 1, hidden);
}

void require_state(const CdState& s, int64_t visible, int64_t hidden, bool velocities,
                   int64_t chains) {
  require_parameters("", s.weights, s.visible_bias, s.hidden_bias, visible, hidden);
  if (velocities)
    require_parameters("velocity_", s.velocity_weights, s.velocity_visible_bias,
                       s.velocity_hidden_bias, visible, hidden);
  require_shape("chains", s.chains, chains, chains > 0 ? hidden : s.chains.cols());
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
