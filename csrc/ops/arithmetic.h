// What differentiable expressions are made of: functions of one variable, arithmetic with
// broadcasting, sums, other shapes.
#pragma once

#include "csrc/core/context.h"
#include "csrc/core/neural.h"
#include "csrc/core/tensor.h"

namespace gibbslab {

enum class Arithmetic { kAdd, kSubtract, kMultiply, kDivide };

struct ArithmeticOps {
  virtual ~ArithmeticOps() = default;
  virtual void map(const Context& ctx, Function f, const Tensor& x, Tensor& out) = 0;
  virtual void combine(const Context& ctx, Arithmetic kind, const Tensor& a, const Tensor& b,
                       Tensor& out) = 0;
  virtual void row_sums(const Context& ctx, const Tensor& x, double scale, Tensor& out) = 0;
  virtual void reshape(const Context& ctx, const Tensor& x, Tensor& out) = 0;
};

namespace ops {

// out = f(x); out (R, C) may be x.
void map(const Context& ctx, Function f, const Tensor& x, Tensor& out);
// out (R, C) = a kind b; a and b have R or 1 rows and C or 1 columns.
void combine(const Context& ctx, Arithmetic kind, const Tensor& a, const Tensor& b, Tensor& out);
// out = scale times the sum of x (R, C) over its rows where out has one, over its columns where
// out has one; in float64.
void sum_to(const Context& ctx, const Tensor& x, double scale, Tensor& out);
// out = the elements of x in their order, row by row.
void reshape(const Context& ctx, const Tensor& x, Tensor& out);

}  // namespace ops
}  // namespace gibbslab
