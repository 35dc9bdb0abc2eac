// A factor of a product as the kernels read it: float rows or packed bits, four values at a time.
//
// Layout: value (r, c) is dense[r * stride + c], or bit c % 64 of bits[r * stride + c / 64].
// Whatever lies beyond rows or cols reads as zero, so no tile needs to know where a matrix ends.
// The loads are plain ones: a kernel launched dependently starts while the one that writes its
// operands still runs, and what __ldg() reads must not change in a kernel's lifetime.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "csrc/core/faults.h"
#include "csrc/core/tensor.h"

namespace gibbslab::cuda {

struct Operand {
  const float* dense = nullptr;
  const uint64_t* bits = nullptr;  // looked at first
  int64_t stride = 0;              // floats, or words, from row to row
  int64_t rows = 0, cols = 0;
};

inline Operand operand(const Tensor& x) {
  return {x.data(), nullptr, x.stride(), x.rows(), x.cols()};
}
inline Operand operand(const BitTensor& x) {
  return {nullptr, x.row(0), x.words_per_row(), x.rows(), x.cols()};
}
inline Operand operand(const States& x) {
  return x.binary() ? operand(x.bits()) : operand(x.dense());
}

// Which row of an operand stands for row r of a batch: itself, or that which an order names.
struct SameRows {
  __device__ __forceinline__ int64_t operator()(int64_t r) const { return r; }
};
struct OrderedRows {
  const int64_t* order = nullptr;
  __device__ __forceinline__ int64_t operator()(int64_t r) const { return order[r]; }
};

// Columns 32 i ... 32 i + 31 of a row of bits; the machines are little-endian.
__device__ __forceinline__ uint32_t bits32(const Operand& x, int64_t row, int64_t i) {
  return reinterpret_cast<const uint32_t*>(x.bits + row * x.stride)[i];
}

// Zeros in the columns from `cols` on of four that start at `col`.
__device__ __forceinline__ float4 within(float4 q, int64_t col, int64_t cols) {
  const int64_t left = cols - col - (fault("kernel_tile_edge") ? 1 : 0);
  if (left >= 4) return q;
  q.w = 0.0f;
  if (left < 3) q.z = 0.0f;
  if (left < 2) q.y = 0.0f;
  if (left < 1) q.x = 0.0f;
  return q;
}

__device__ __forceinline__ float4 float4_from_bits(uint32_t nibble) {
  return make_float4(static_cast<float>(nibble & 1u), static_cast<float>(nibble >> 1 & 1u),
                     static_cast<float>(nibble >> 2 & 1u), static_cast<float>(nibble >> 3 & 1u));
}

// Columns col ... col + 3 of a row; col is a multiple of 4, so that padded rows hold all four.
__device__ __forceinline__ float4 dense_quad(const Operand& x, int64_t row, int64_t col) {
  if (row >= x.rows || col >= x.cols) return make_float4(0.0f, 0.0f, 0.0f, 0.0f);
  return within(*reinterpret_cast<const float4*>(x.dense + row * x.stride + col), col, x.cols);
}

// The same of either kind of operand; only bits may be ordered.
template <class Rows = SameRows>
__device__ __forceinline__ float4 quad(const Operand& x, int64_t row, int64_t col,
                                       const Rows& rows = {}) {
  if (x.bits == nullptr) return dense_quad(x, row, col);
  if (row >= x.rows || col >= x.cols) return make_float4(0.0f, 0.0f, 0.0f, 0.0f);
  return float4_from_bits(bits32(x, rows(row), col / 32) >> (col % 32));
}

// a b + c, rounded once, as the CPU's vectors do.
__device__ __forceinline__ float4 fused(float4 a, float b, float4 c) {
  return make_float4(__fmaf_rn(a.x, b, c.x), __fmaf_rn(a.y, b, c.y), __fmaf_rn(a.z, b, c.z),
                     __fmaf_rn(a.w, b, c.w));
}

__device__ __forceinline__ float4 times(float4 q, float s) {
  return make_float4(q.x * s, q.y * s, q.z * s, q.w * s);
}

// Stores columns col ... col + 3 of a row of `out`, with zeros beyond `cols`, as far as the row's
// padding goes: `stride`. The last tile of 32 columns also clears the padding to its right.
__device__ __forceinline__ void store_quad(float* out, int64_t stride, int64_t cols, int64_t row,
                                           int64_t col, float4 q) {
  float* at = out + row * stride + col;
  if (col < stride) *reinterpret_cast<float4*>(at) = within(q, col, cols);
  if (col / 32 == (cols - 1) / 32 && col + 32 < stride)
    *reinterpret_cast<float4*>(at + 32) = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
}

}  // namespace gibbslab::cuda
