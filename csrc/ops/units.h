// Layers of other than Bernoulli units: means, samples, log-normalisers and base measures; the
// formulas are in csrc/core/unit_formulas.h. States are float32, sums over units float64.
#pragma once

#include "csrc/core/context.h"
#include "csrc/core/tensor.h"
#include "csrc/core/unit_type.h"

namespace gibbslab {

// A layer of N columns: N units, or N / count categorical ones.
struct Units {
  UnitType type;
  const Tensor* variance = nullptr;  // (1, N), of Gaussian units
};

// eta = scale product + bias_scale bias; product (B, N), or null: the bias alone.
struct UnitInput {
  const Tensor* product = nullptr;
  const Tensor* bias = nullptr;  // (1, N)
  double scale = 1.0, bias_scale = 1.0;
};

struct UnitOps {
  virtual ~UnitOps() = default;
  virtual void activate(const Context& ctx, const Units& units, const UnitInput& input,
                        const Draw& draw, Tensor* mean, Tensor* sample) = 0;
  virtual void log_normaliser(const Context& ctx, const Units& units, const UnitInput& input,
                              int64_t rows, double* out) = 0;
  virtual void log_base(const Context& ctx, const Units& units, const Tensor& x, double* out) = 0;
  virtual void row_dots(const Context& ctx, const Tensor& x, const Tensor& y, double* out) = 0;
  virtual void column_dots(const Context& ctx, const Tensor& x, const Tensor& y, Tensor& out) = 0;
  virtual void divide(const Context& ctx, const Tensor& x, const Tensor* rows, const Tensor* cols,
                      Tensor& out) = 0;
};

namespace ops {

// mean, sample (B, N); null outputs are not made. Without a product, every row has the bias.
void activate_units(const Context& ctx, const Units& units, const UnitInput& input,
                    const Draw& draw, Tensor* mean, Tensor* sample);
// out[r] += factor * sum over units of A(eta); one row where there is no product.
void units_log_normaliser(const Context& ctx, const Units& units, const UnitInput& input,
                          double factor, double* out);
// out[r] += factor * sum over units of log m(x); x (B, N).
void units_log_base(const Context& ctx, const Units& units, const Tensor& x, double factor,
                    double* out);
// out[r] += factor * sum_c x_rc y_rc; x, y (B, N).
void row_dots(const Context& ctx, const Tensor& x, const Tensor& y, double factor, double* out);
// out (1, N) = sum_r x_rc y_rc, in float64 and rounded once; x, y (B, N).
void column_dots(const Context& ctx, const Tensor& x, const Tensor& y, Tensor& out);
// out_rc = x_rc / (rows_r cols_c); x, out (R, C), rows (1, R) and cols (1, C) or null.
void divide_by(const Context& ctx, const Tensor& x, const Tensor* rows, const Tensor* cols,
               Tensor& out);

}  // namespace ops
}  // namespace gibbslab
