// Layers of other than Bernoulli units; the formulas are in csrc/core/unit_formulas.h.
//
//   activate        mean and sample of each unit from eta = scale product + bias_scale bias
//   log_normaliser  out[r] = sum over units of A(eta)
//   log_base        out[r] = sum over units of log m(x)
//   row_dots        out[r] = sum_c x_rc y_rc;  column_dots: out_c = sum_r x_rc y_rc
//   divide          out_rc = x_rc / (rows_r cols_c)
//   product, mean, sample, x, y (B, N); bias (1, N); row sums double, on the host
//
// activate, divide: a thread owns one unit of a row, which for categorical units is K columns. Row
// sums as in row_sums.cuh. Column dots: a block owns 32 columns, a thread every 16th row of one of
// them.
#include "csrc/ops/units.h"

#include <algorithm>
#include <vector>

#include "csrc/core/unit_formulas.h"
#include "kernels/device.cuh"
#include "kernels/launch.cuh"
#include "kernels/reduction.cuh"
#include "kernels/row_sums.cuh"
#include "kernels/rows.cuh"

namespace gibbslab::cuda {
namespace {

// ------------------------------------------------------------------------------------ kernels

struct LayerInput {
  const float *product, *bias, *variance;  // product and variance may be null
  int64_t stride, cols;
  double scale, bias_scale;
  UnitType type;

  __device__ double eta(int64_t r, int64_t c) const {
    const double coupled = product == nullptr ? 0.0 : scale * product[r * stride + c];
    return coupled + bias_scale * bias[c];
  }
  __device__ double spread(int64_t c) const { return variance == nullptr ? 1.0 : variance[c]; }
  __host__ __device__ int64_t width() const {
    return type.kind == UnitKind::kCategorical ? type.count : 1;
  }
};

__device__ void activate_group(const LayerInput& layer, const UnitAddress& at, float* mean,
                               float* sample) {
  const int64_t states = layer.type.count;
  const auto eta = [&](int64_t k) { return layer.eta(at.row, at.col + k); };
  if (mean != nullptr) {
    const double top = largest_input(eta, states), sum = exponential_sum(eta, states, top);
    for (int64_t k = 0; k < states; ++k) mean[k] = static_cast<float>(exp(eta(k) - top) / sum);
  }
  if (sample == nullptr) return;
  const int64_t chosen = categorical_sample(eta, states, wide_uniform(element_of(at), at.draw));
  for (int64_t k = 0; k < states; ++k) sample[k] = k == chosen ? 1.0f : 0.0f;
}

__global__ void activate_units(LayerInput layer, Draw draw, Output mean, Output sample,
                               int64_t rows) {
  const int64_t c = along_row() * layer.width();
  if (c >= layer.cols) return;
  for (int64_t r = first_row(); r < rows; r += row_step()) {
    const UnitAddress at{draw, r, c, layer.cols};
    float* m = mean.data == nullptr ? nullptr : mean.row(r) + c;
    float* s = sample.data == nullptr ? nullptr : sample.row(r) + c;
    if (layer.type.kind == UnitKind::kCategorical) {
      activate_group(layer, at, m, s);
      continue;
    }
    const double eta = layer.eta(r, c), variance = layer.spread(c);
    if (m != nullptr) *m = static_cast<float>(unit_mean(layer.type, eta, variance));
    if (s != nullptr) *s = static_cast<float>(unit_sample(layer.type, eta, variance, at));
  }
}

struct NormaliserShare {
  LayerInput layer;
  __device__ double operator()(int64_t r) const {
    if (layer.type.kind != UnitKind::kCategorical)
      return over_share(layer.cols, [&](int64_t c) {
        return unit_log_normaliser(layer.type, layer.eta(r, c), layer.spread(c));
      });
    const int64_t states = layer.type.count;
    return over_share(layer.cols / states, [&](int64_t g) {
      return categorical_log_normaliser([&](int64_t k) { return layer.eta(r, g * states + k); },
                                        states);
    });
  }
};

struct BaseShare {
  LayerInput layer;
  const float* x;
  int64_t stride;
  __device__ double operator()(int64_t r) const {
    return over_share(layer.cols, [&](int64_t c) {
      return unit_log_base(layer.type, x[r * stride + c], layer.spread(c));
    });
  }
};

struct DotShare {
  Input x, y;
  __device__ double operator()(int64_t r) const {
    return over_share(x.cols, [&](int64_t c) { return double{x.row(r)[c]} * y.row(r)[c]; });
  }
};

__global__ void column_dots(Input x, Input y, int64_t rows, float* out) {
  const int64_t c = 32 * static_cast<int64_t>(blockIdx.x) + threadIdx.x;
  double share = 0;
  for (int64_t r = threadIdx.y; c < x.cols && r < rows; r += kRowGroups)
    share += double{x.row(r)[c]} * y.row(r)[c];
  const double sum = column_sum(share);
  if (threadIdx.y == 0 && c < x.cols) out[c] = static_cast<float>(sum);
}

__global__ void divide(Input x, const float* by_row, const float* by_column, Output out,
                       int64_t rows) {
  const int64_t c = along_row();
  if (c >= x.cols) return;
  for (int64_t r = first_row(); r < rows; r += row_step())
    out.row(r)[c] = quotient(x.row(r)[c], by_row == nullptr ? 1.0f : by_row[r],
                             by_column == nullptr ? 1.0f : by_column[c]);
}

// ---------------------------------------------------------------------------------- launchers

LayerInput layer_of(const Units& units, const UnitInput& input) {
  return {input.product == nullptr ? nullptr : input.product->data(),
          input.bias->data(),
          units.variance == nullptr ? nullptr : units.variance->data(),
          input.product == nullptr ? 0 : input.product->stride(),
          input.bias->cols(),
          input.scale,
          input.bias_scale,
          units.type};
}

template <class Share>
void sum_rows(const Share& share, int64_t rows, double* out) {
  const std::vector<double> sums = row_sums_of(share, rows);
  std::copy(sums.begin(), sums.end(), out);
}

struct CudaUnits : UnitOps {
  void activate(const Context&, const Units& units, const UnitInput& input, const Draw& draw,
                Tensor* mean, Tensor* sample) override {
    const Tensor* out = mean != nullptr ? mean : sample;
    if (out == nullptr || out->empty()) return;
    const LayerInput layer = layer_of(units, input);
    const Cover over = cover(out->rows(), layer.cols / layer.width());
    launch(activate_units, over.grid, over.block, 0, stream(), layer, draw, output(mean),
           output(sample), out->rows());
  }

  void log_normaliser(const Context&, const Units& units, const UnitInput& input, int64_t rows,
                      double* out) override {
    sum_rows(NormaliserShare{layer_of(units, input)}, rows, out);
  }

  void log_base(const Context&, const Units& units, const Tensor& x, double* out) override {
    LayerInput layer{};
    layer.variance = units.variance == nullptr ? nullptr : units.variance->data();
    layer.cols = x.cols();
    layer.type = units.type;
    sum_rows(BaseShare{layer, x.data(), x.stride()}, x.rows(), out);
  }

  void row_dots(const Context&, const Tensor& x, const Tensor& y, double* out) override {
    sum_rows(DotShare{input(x), input(y)}, x.rows(), out);
  }

  void column_dots(const Context&, const Tensor& x, const Tensor& y, Tensor& out) override {
    if (out.empty()) return;
    launch(cuda::column_dots, dim3(pieces(x.cols(), 32)), dim3(32, kRowGroups), 0, stream(),
           input(x), input(y), x.rows(), out.data());
  }

  void divide(const Context&, const Tensor& x, const Tensor* rows, const Tensor* cols,
              Tensor& out) override {
    if (out.empty()) return;
    const Cover over = cover(x.rows(), x.cols());
    launch(cuda::divide, over.grid, over.block, 0, stream(), input(x),
           rows == nullptr ? nullptr : rows->data(), cols == nullptr ? nullptr : cols->data(),
           output(out), x.rows());
  }
};

}  // namespace

UnitOps& unit_ops() {
  static CudaUnits ops;
  return ops;
}

}  // namespace gibbslab::cuda
