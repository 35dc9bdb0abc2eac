// How kernels walk over matrices: along the rows, four neighbouring columns to a thread.
//
// A block is x threads along a row (whole warps, so that a warp never spans two rows) by y rows,
// x * y = 256; the grid covers all columns in x and strides over the rows in y, of which a grid may
// be short. Nothing computed this way depends on the size of the grid.
#pragma once

#include <cuda_runtime.h>

#include "csrc/core/faults.h"
#include "csrc/core/tensor.h"

namespace gibbslab::cuda {

inline unsigned pieces(int64_t n, int64_t size) {
  return static_cast<unsigned>((n + size - 1) / size);
}

struct Cover {
  dim3 grid, block;
};

// The launch that gives each of `rows` rows `threads` threads.
inline Cover cover(int64_t rows, int64_t threads) {
  constexpr int64_t kBlock = 256, kMostY = 65535;
  int64_t x = 32;
  while (x < kBlock && x < threads) x *= 2;
  const int64_t y = kBlock / x, grid_y = (rows + y - 1) / y;
  return {dim3(static_cast<unsigned>((threads + x - 1) / x),
               static_cast<unsigned>(grid_y < kMostY ? grid_y : kMostY)),
          dim3(static_cast<unsigned>(x), static_cast<unsigned>(y))};
}

// This thread's place along its row, its first row, and the step to its next.
__device__ inline int64_t along_row() {
  return static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ inline int64_t first_row() {
  return static_cast<int64_t>(blockIdx.y) * blockDim.y + threadIdx.y;
}
__device__ inline int64_t row_step() { return static_cast<int64_t>(gridDim.y) * blockDim.y; }

// A (rows, cols) matrix of T, float or const float. A stride of 0 gives every row the first.
// `aligned` rows are ours: 64-byte aligned, and padded to their stride with finite values.
template <class T>
struct Matrix {
  T* data = nullptr;
  int64_t stride = 0, cols = 0;
  bool aligned = false;

  __device__ T* row(int64_t r) const { return data + r * stride; }

  // Columns c ... c + 3 of row r, zeros beyond the last; c a multiple of 4.
  __device__ float4 load(int64_t r, int64_t c) const {
    const float* at = row(r) + c;
    const int64_t left = cols - c - (fault("kernel_off_by_one") ? 1 : 0);
    if (aligned && left >= 4) return *reinterpret_cast<const float4*>(at);
    return {left > 0 ? at[0] : 0.0f, left > 1 ? at[1] : 0.0f, left > 2 ? at[2] : 0.0f,
            left > 3 ? at[3] : 0.0f};
  }

  // The same columns; zeros go into the padding of aligned rows, nothing beyond others.
  __device__ void store(int64_t r, int64_t c, float4 x) const {
    float* at = row(r) + c;
    const int64_t left = cols - c;
    if (aligned) {
      *reinterpret_cast<float4*>(at) =
          left >= 4
              ? x
              : float4{left > 0 ? x.x : 0.0f, left > 1 ? x.y : 0.0f, left > 2 ? x.z : 0.0f, 0.0f};
      return;
    }
    if (left > 0) at[0] = x.x;
    if (left > 1) at[1] = x.y;
    if (left > 2) at[2] = x.z;
    if (left > 3) at[3] = x.w;
  }

  // Columns to write, those of the padding included, and the threads that they take four by four.
  __host__ __device__ int64_t width() const { return aligned ? stride : cols; }
  __host__ __device__ int64_t quads() const { return (width() + 3) / 4; }
};
using Input = Matrix<const float>;
using Output = Matrix<float>;

inline Input input(const Tensor& x) { return {x.data(), x.stride(), x.cols(), x.padded()}; }
inline Input input(const Tensor* x) { return x == nullptr ? Input{} : input(*x); }
// One row for all: every row reads row 0.
inline Input repeated(const Tensor& x) { return {x.data(), 0, x.cols(), x.padded()}; }
inline Output output(Tensor& x) { return {x.data(), x.stride(), x.cols(), x.padded()}; }
inline Output output(Tensor* x) { return x == nullptr ? Output{} : output(*x); }

// Either kind of states; one of the pointers is null.
struct StatesView {
  const float* dense = nullptr;
  const uint64_t* bits = nullptr;
  int64_t stride = 0;  // in floats or in words

  __device__ float at(int64_t r, int64_t c) const {
    if (bits == nullptr) return dense[r * stride + c];
    return bits[r * stride + (c >> 6)] >> (c & 63) & 1 ? 1.0f : 0.0f;
  }
  // The states from row r on.
  StatesView from(int64_t r) const {
    if (bits == nullptr) return {dense + r * stride, nullptr, stride};
    return {nullptr, bits + r * stride, stride};
  }
};

inline StatesView view(const BitTensor& x) { return {nullptr, x.row(0), x.words_per_row()}; }
inline StatesView view(const States& x) {
  if (x.binary()) return view(x.bits());
  return {x.dense().data(), nullptr, x.dense().stride()};
}

}  // namespace gibbslab::cuda
