// Half-steps from 0/1 states: the product that they begin with.
#pragma once

#include "csrc/cpu/kernels.h"
#include "csrc/cpu/shares.h"
#include "csrc/ops/sampling.h"

namespace gibbslab::cpu {

// The method for a product of `x`, or of its transpose, that is made `rows` rows at a time.
BinaryProduct choose_method(const BitTensor& x, int64_t rows);

// x M for 0/1 states x, plus a bias.
//
// Where an up pass sums over many visible units, it does so in two halves, added at the end,
// whoever makes them. While weights are in training, the two threads that update a half each also
// make its sums: a row of W that another core reads would have to be called back before it is next
// written, which took as long as the update itself (784x100: 10 us more, and 65 us where the cores
// share no cache).
class BitProduct {
 public:
  // The operands must outlive the product. bias (1, N) or null, pre (B, N).
  BitProduct(const Context& ctx, const HalfStep& step, const Tensor& factor, const Tensor* bias,
             Tensor& pre);

  // Leaves the finished sums of a block in pre.
  void finish(const Block& block);

 private:
  void make_half(int64_t half, const Block& block);
  void multiply(const Block& block, Tensor& out, const Tensor* bias, int64_t first_word,
                int64_t last_word);
  bool balanced() const;

  const BitTensor& x_;
  const Tensor& factor_;
  const Tensor* bias_;
  Tensor& pre_;
  float scale_;
  BinaryProduct method_;
  int64_t middle_;
  bool halves_, made_ = false;
  Tensor second_;
};

}  // namespace gibbslab::cpu
