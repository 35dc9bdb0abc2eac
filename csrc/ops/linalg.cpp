#include "csrc/ops/linalg.h"

#include "csrc/core/error.h"
#include "csrc/ops/backend.h"

namespace gibbslab {
namespace ops {

void matmul(const Context& ctx, const Tensor& a, bool ta, const Tensor& b, bool tb, float alpha,
            float beta, Tensor& out) {
  const int64_t m = ta ? a.cols() : a.rows(), k = ta ? a.rows() : a.cols();
  const int64_t kb = tb ? b.cols() : b.rows(), n = tb ? b.rows() : b.cols();
  require(k == kb, "matmul", [&] {
    return "b must have " + std::to_string(k) + " rows (after transposition), got " +
           std::to_string(kb);
  });
  require(out.rows() == m && out.cols() == n, "matmul", [&] {
    return "out must have shape " + shape_string(m, n) + ", got " +
           shape_string(out.rows(), out.cols());
  });
  ctx.backend().linalg.matmul(ctx, a, ta, b, tb, alpha, beta, out);
}

void transpose(const Context& ctx, const Tensor& x, Tensor& out) {
  require(out.rows() == x.cols() && out.cols() == x.rows(), "transpose", [&] {
    return "out must have shape " + shape_string(x.cols(), x.rows()) + ", got " +
           shape_string(out.rows(), out.cols());
  });
  ctx.backend().linalg.transpose(ctx, x, out);
}

}  // namespace ops

const Tensor& Weights::transposed(const Context& ctx) const {
  if (!fresh_) {
    make_room();
    ops::transpose(ctx, w_, wt_);
    fresh_ = true;
  }
  return wt_;
}

Tensor Weights::take_transposed() {
  make_room();
  fresh_ = false;
  return wt_;
}

void Weights::make_room() const {
  if (wt_.rows() != w_.cols() || wt_.cols() != w_.rows())
    wt_ = Tensor::zeros(w_.cols(), w_.rows(), w_.memory());
}

}  // namespace gibbslab
