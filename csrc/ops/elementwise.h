// Elementwise operations and conversions between the two kinds of states.
#pragma once

#include "csrc/core/context.h"
#include "csrc/core/tensor.h"

namespace gibbslab {

struct ElementwiseOps {
  virtual ~ElementwiseOps() = default;
  virtual void sigmoid(const Context& ctx, const Tensor& x, Tensor& out) = 0;
  virtual void unpack(const Context& ctx, const BitTensor& x, Tensor& out) = 0;
  virtual bool pack(const Context& ctx, const Tensor& x, BitTensor& out) = 0;
  virtual void overwrite(const Context& ctx, const BitTensor& mask, const States& known,
                         States& states) = 0;
};

namespace ops {

// out = 1 / (1 + exp(-x)). x, out (R, C), padded.
void sigmoid(const Context& ctx, const Tensor& x, Tensor& out);
// 0/1 floats from bits. x, out (R, C).
void unpack(const Context& ctx, const BitTensor& x, Tensor& out);
Tensor unpacked(const Context& ctx, const States& x);
// Bits from floats; returns false (out undefined) when a value is neither 0 nor 1.
bool pack(const Context& ctx, const Tensor& x, BitTensor& out);
// States as bits when every value is 0 or 1, else as they are.
States packed_if_binary(const Context& ctx, const Tensor& x);
// states[r, c] = known[r, c] where mask is 1. mask (B, N), or (1, N) for every row.
void overwrite(const Context& ctx, const BitTensor& mask, const States& known, States& states);

}  // namespace ops
}  // namespace gibbslab
