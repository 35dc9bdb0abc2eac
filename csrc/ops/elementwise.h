// Elementwise operations and conversions between the two kinds of states.
#pragma once

#include "csrc/core/context.h"
#include "csrc/core/element.h"
#include "csrc/core/tensor.h"

namespace gibbslab {

// p x + q y + r; y may be null. x, y (R, C).
struct Linear {
  double p = 1.0;
  const Tensor* x = nullptr;
  double q = 0.0;
  const Tensor* y = nullptr;
  double r = 0.0;
};

// A matrix (R, C) of another number type, where the context computes; the stride in elements.
struct ForeignMatrix {
  const void* data = nullptr;
  Element element = Element::kFloat64;
  int64_t rows = 0, cols = 0, stride = 0;
};

struct ElementwiseOps {
  virtual ~ElementwiseOps() = default;
  virtual void sigmoid(const Context& ctx, const Tensor& x, Tensor& out) = 0;
  virtual void unpack(const Context& ctx, const BitTensor& x, Tensor& out) = 0;
  virtual bool pack(const Context& ctx, const Tensor& x, BitTensor& out) = 0;
  virtual void overwrite(const Context& ctx, const BitTensor& mask, const States& known,
                         States& states) = 0;
  virtual void linear(const Context& ctx, const Linear& job, Tensor& out) = 0;
  virtual void gather(const Context& ctx, const States& x, const int64_t* order, States& out) = 0;
  virtual void convert(const Context& ctx, const ForeignMatrix& x, Tensor& out) = 0;
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
// out = p x + q y + r, in float64 and rounded once; out (R, C) may be x or y.
void linear(const Context& ctx, const Linear& job, Tensor& out);
// The rows of x (R, N) that order[0 .. count), on the host, names; (count, N).
States gather(const Context& ctx, const States& x, const int64_t* order, int64_t count);
// The values as float32, each rounded once, in a new tensor (R, C).
Tensor converted(const Context& ctx, const ForeignMatrix& x);

}  // namespace ops
}  // namespace gibbslab
