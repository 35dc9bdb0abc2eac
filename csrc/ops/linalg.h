// Dense matrix products and transposition.
#pragma once

#include "csrc/core/context.h"
#include "csrc/core/tensor.h"

namespace gibbslab {

struct LinalgOps {
  virtual ~LinalgOps() = default;
  virtual void matmul(const Context& ctx, const Tensor& a, bool ta, const Tensor& b, bool tb,
                      float alpha, float beta, Tensor& out) = 0;
  virtual void transpose(const Context& ctx, const Tensor& x, Tensor& out) = 0;
};

namespace ops {

// out = alpha op(a) op(b) + beta out, with op the transpose where ta, tb say so. out (M, N).
void matmul(const Context& ctx, const Tensor& a, bool ta, const Tensor& b, bool tb, float alpha,
            float beta, Tensor& out);
// out (C, R) = x (R, C) transposed; both padded.
void transpose(const Context& ctx, const Tensor& x, Tensor& out);

}  // namespace ops

// A weight matrix (V, H) that remembers its transpose until it is replaced.
class Weights {
 public:
  Weights() = default;
  explicit Weights(Tensor w) : w_(std::move(w)) {}

  const Tensor& get() const { return w_; }
  const Tensor& transposed(const Context& ctx) const;
  // Takes ownership of w, which must not be written afterwards.
  void set(Tensor w) {
    w_ = std::move(w);
    fresh_ = trained_ = false;
  }
  // The same with the transpose (H, V) at hand: one that take_transposed() gave, filled.
  void set(Tensor w, Tensor wt) {
    w_ = std::move(w);
    wt_ = std::move(wt);
    fresh_ = trained_ = true;
  }
  // The transpose's storage, to be overwritten; the transpose counts as forgotten from here on.
  Tensor take_transposed();
  // Whether a training step made these weights: then another may rewrite them soon.
  bool trained() const { return trained_; }

 private:
  void make_room() const;

  Tensor w_;
  mutable Tensor wt_;
  mutable bool fresh_ = false;
  bool trained_ = false;
};

}  // namespace gibbslab
