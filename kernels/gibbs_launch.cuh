// The kernels of the half-step and of the CD statistics, and which arithmetic they use.
#pragma once

#include <cmath>

#include "csrc/ops/sampling.h"
#include "kernels/gibbs_epilogue.cuh"

namespace gibbslab::cuda {

// How products of 0/1 states and weights are computed. Products of real-valued states are float32.
enum class GibbsArithmetic {
  kFp32,    // fused multiply-adds, on every card; the plain twin of the others
  kBf16x2,  // the fast mode: tensor cores, weights as two bf16 planes, within 2^-18 of them
  kBf16x3,  // tensor cores, three planes, which hold every bit of a float32: the default
  kInt8x3   // tensor cores, weights in fixed point: sums of integers, the same in any order
};

// int8x3 under GIBBSLAB_PRODUCTS=int8x3, which is for every device; else
// GIBBSLAB_CUDA_MODE = fp32 | bf16x2 | bf16x3 | int8x3, or the default; float32 on cards without
// these tensor cores (before compute capability 8.0).
GibbsArithmetic arithmetic();

// x (B, I) times W (V, H), I = V, or times its transpose, I = H.
struct HalfStepProduct {
  Operand x, w;
  bool transposed = false;  // x W^T
};

void half_step_fp32(const HalfStepProduct& product, const HalfStepOutput& out, cudaStream_t s);
// The rest take bits.
void half_step_bf16(const HalfStepProduct& product, const HalfStepOutput& out, int planes,
                    cudaStream_t s);
void half_step_int8(const HalfStepProduct& product, const HalfStepOutput& out, cudaStream_t s);

// scale (weight0 v0^T h0 + weight1 v1^T h1), summed over both batches in one go.
struct CdProduct {
  Operand v0, h0, v1, h1;
  float weight0 = 1.0f, weight1 = -1.0f, scale = 1.0f;
};

// One of the two weights is exactly 1 or -1: sums of bits then stay whole numbers.
__host__ __device__ inline void set_weights(CdProduct& product, float positive, float negative) {
  product.scale = fmaxf(fabsf(positive), fabsf(negative));
  if (product.scale == 0.0f) product.scale = 1.0f;
  product.weight0 = positive / product.scale;
  product.weight1 = -negative / product.scale;
}

inline float effective_momentum(float momentum, float learning_rate) {
  return fault("momentum_times_learning_rate") ? momentum * learning_rate : momentum;
}

// Where it goes: to a gradient (V, H), or straight into an update; see ops/optim.h for the formula.
// All (V, H) matrices have the same row stride.
struct CdOutput {
  int64_t rows = 0, cols = 0, stride = 0;
  float* gradient = nullptr;  // or null, and all of the rest
  const float *weight = nullptr, *velocity = nullptr;
  float *new_weight = nullptr, *new_velocity = nullptr;
  float* new_transposed = nullptr;  // (H, V), or null
  int64_t transposed_stride = 0;
  const float *row_mean = nullptr, *shift = nullptr, *row_shift = nullptr, *mean = nullptr,
              *row_pressure = nullptr, *pressure = nullptr;
  float learning_rate = 0.0f, momentum = 0.0f, l1 = 0.0f, l2 = 0.0f;
  int* trouble = nullptr;  // set where a new value is not finite
};

void cd_fp32(const CdProduct& product, const CdOutput& out, cudaStream_t s);
// v0 and v1 are bits.
void cd_bf16(const CdProduct& product, const CdOutput& out, int planes, cudaStream_t s);

// Tiles of kTile that cover n.
inline unsigned tiles(int64_t n) { return static_cast<unsigned>((n + kTile - 1) / kTile); }

}  // namespace gibbslab::cuda
