// Operations on variables; each result can be differentiated as often as wanted.
#pragma once

#include "csrc/core/philox.h"
#include "csrc/nn/variable.h"
#include "csrc/ops/arithmetic.h"

namespace gibbslab::nn {

// A constant (rows, cols) of one value; of normal deviates; of zeros and ones with mean `p`.
Variable filled(const Context& ctx, int64_t rows, int64_t cols, float value);
Variable normal(const Context& ctx, int64_t rows, int64_t cols, const Draw& draw);
Variable bernoulli(const Context& ctx, int64_t rows, int64_t cols, float p, const Draw& draw);

Variable map(Function f, const Variable& x);
// Arithmetic with broadcasting, as NumPy has it for matrices.
Variable combine(Arithmetic kind, const Variable& a, const Variable& b);
inline Variable add(const Variable& a, const Variable& b) {
  return combine(Arithmetic::kAdd, a, b);
}
inline Variable multiply(const Variable& a, const Variable& b) {
  return combine(Arithmetic::kMultiply, a, b);
}
// p x + r.
Variable affine(const Variable& x, double p, double r = 0.0);
// The same variable under another name: a node of its own.
Variable identity(const Variable& x);
// op(a) op(b), with op the transpose where ta, tb say so.
Variable matmul(const Variable& a, bool ta, const Variable& b, bool tb);
Variable transpose(const Variable& x);
// scale times the sum over all rows where `rows` is 1, over all columns where `cols` is 1.
Variable sum_to(const Variable& x, int64_t rows, int64_t cols, double scale = 1.0);
// The reverse: each row, or column, of x as often as it takes.
Variable broadcast_to(const Variable& x, int64_t rows, int64_t cols);
Variable reshape(const Variable& x, int64_t rows, int64_t cols);
// x without a share `rate` of its elements, the others scaled by 1 / (1 - rate) (Srivastava et
// al. 2014).
Variable dropout(const Variable& x, float rate, const Draw& draw);

}  // namespace gibbslab::nn
