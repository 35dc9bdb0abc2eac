// Addressed random numbers: every call names its draw.
#pragma once

#include "csrc/core/context.h"
#include "csrc/core/tensor.h"

namespace gibbslab {

struct RandomOps {
  virtual ~RandomOps() = default;
  virtual void uniform(const Context& ctx, const Draw& draw, Tensor& out) = 0;
  virtual void normal(const Context& ctx, const Draw& draw, float mean, float deviation,
                      Tensor& out) = 0;
  // Of a draw that is read where the context computes, when that comes to it.
  virtual void normal_of_stored(const Context& ctx, const Draw* draw, float mean, float deviation,
                                Tensor& out) = 0;
  virtual void bernoulli(const Context& ctx, const Tensor& p, const Draw& draw, BitTensor& out) = 0;
};

namespace ops {

// Uniforms in [0, 1), 24 bits each.
void uniform(const Context& ctx, const Draw& draw, Tensor& out);
// Normal deviates by Box and Muller (1958), two words for each.
void normal(const Context& ctx, const Draw& draw, float mean, float deviation, Tensor& out);
// The same of a draw that lies where the context computes (csrc/core/stored.h).
void normal_of_stored(const Context& ctx, const Draw* draw, float mean, float deviation,
                      Tensor& out);
// out = u < p. out (R, C); p (R, C), or (1, C) for every row.
void bernoulli(const Context& ctx, const Tensor& p, const Draw& draw, BitTensor& out);
// A permutation of 0 ... n-1 (Fisher and Yates, Durstenfeld's form), from the words of one draw.
void permutation(const Draw& draw, int64_t n, int64_t* out);

}  // namespace ops
}  // namespace gibbslab
