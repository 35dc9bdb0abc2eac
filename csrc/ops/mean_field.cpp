#include "csrc/ops/mean_field.h"

#include <string>

#include "csrc/core/error.h"
#include "csrc/ops/backend.h"
#include "csrc/ops/shapes.h"

namespace gibbslab::ops {
namespace {

void require_layer(const char* op, const char* name, size_t l, const Tensor& x, int64_t rows,
                   int64_t cols) {
  require_shape(op, (std::string(name) + "[" + std::to_string(l) + "]").c_str(), x, rows, cols);
}

}  // namespace

bool offers_mean_field(const Context& ctx) { return ctx.backend().mean_field.offered(); }

int64_t mean_field(const Context& ctx, const MeanFieldJob& job) {
  const size_t layers = job.biases.size();
  require(
      layers >= 2 && job.weights.size() == layers - 1 && job.means->size() == layers, "mean_field",
      [&] {
        return "must have at least 2 layers, one matrix of weights less and as many means, got " +
               std::to_string(layers) + ", " + std::to_string(job.weights.size()) + " and " +
               std::to_string(job.means->size());
      });
  const int64_t rows = job.from_data->rows();
  require_layer("mean_field", "from_data", 0, *job.from_data, rows, job.biases[0]->cols());
  for (size_t l = 0; l < layers; ++l) {
    const int64_t units = job.biases[l]->cols();
    require_layer("mean_field", "biases", l, *job.biases[l], 1, units);
    require_layer("mean_field", "means", l, (*job.means)[l], rows, units);
    if (l + 1 < layers)
      require_layer("mean_field", "weights", l, job.weights[l]->get(), units,
                    job.biases[l + 1]->cols());
  }
  return ctx.backend().mean_field.infer(ctx, job);
}

void extrapolate(const Context& ctx, const Extrapolation& job) {
  for (size_t l = 0; l < job.size(); ++l) {
    const ExtrapolatedLayer& layer = job[l];
    const int64_t rows = job[0].x->rows(), cols = layer.x->cols();
    require_layer("extrapolate", "x", l, *layer.x, rows, cols);
    require_layer("extrapolate", "start", l, *layer.start, rows, cols);
    require_layer("extrapolate", "last", l, *layer.last, rows, cols);
    require_layer("extrapolate", "change", l, *layer.change, rows, cols);
  }
  if (!job.empty() && job[0].x->rows() > 0) ctx.backend().mean_field.extrapolate(ctx, job);
}

}  // namespace gibbslab::ops
