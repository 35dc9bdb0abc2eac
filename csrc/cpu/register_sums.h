// Sums that stay in registers while rows of a matrix are added to them; for the kernel files of one
// instruction set.
#pragma once

#include "csrc/cpu/kernels_impl.h"
#include "csrc/cpu/simd.h"

namespace gibbslab::cpu::GIBBSLAB_ISA {
namespace {

#if defined(__AVX512F__)
typedef f32x16 Register;
#elif defined(__AVX2__)
typedef f32x8 Register;
#else
typedef float Register __attribute__((vector_size(16)));
#endif
constexpr int kFloats = sizeof(Register) / sizeof(float);

// What the registers have room for beside what is added: vectors of 16 floats in the sums of a row,
// and rows of two registers in a tile of sums.
#if defined(__AVX512F__)
constexpr int kWidest = 7, kTileRows = 14;
#else
constexpr int kWidest = 4, kTileRows = 6;
#endif

GIBBSLAB_HD Register register_at(const float* p) {
  Register v;
  __builtin_memcpy(&v, __builtin_assume_aligned(p, sizeof(v)), sizeof(v));
  return v;
}
GIBBSLAB_HD void put(float* p, Register v) {
  __builtin_memcpy(__builtin_assume_aligned(p, sizeof(v)), &v, sizeof(v));
}

// The sums of N vectors of 16 floats, in the registers that there are: GCC 12 keeps a wider vector
// in memory, where every add waits for the store before it.
template <int N>
struct Sums {
  static constexpr int kCount = 16 * N / kFloats;
  Register part[kCount] = {};
};

template <int N>
GIBBSLAB_HD void add(Sums<N>& sum, const float* p) {
  for (int i = 0; i < Sums<N>::kCount; ++i) sum.part[i] += register_at(p + kFloats * i);
}
template <int N>
GIBBSLAB_HD void load_sums(Sums<N>& sum, const float* p) {
  for (int i = 0; i < Sums<N>::kCount; ++i) sum.part[i] = register_at(p + kFloats * i);
}
template <int N>
GIBBSLAB_HD void store_sums(const Sums<N>& sum, float* p) {
  for (int i = 0; i < Sums<N>::kCount; ++i) put(p + kFloats * i, sum.part[i]);
}

// sum += x times the row at p.
template <int N>
GIBBSLAB_HD void add_multiple(Sums<N>& sum, float x, const float* p) {
  for (int i = 0; i < Sums<N>::kCount; ++i) sum.part[i] += x * register_at(p + kFloats * i);
}

// A factor whose element (r, k) lies at p + r row + k depth.
struct Factor {
  const float* p;
  int64_t row, depth;
};

// sum = A B, for `depth` columns of A and rows of B, which are `stride` apart. An element of A is
// broadcast from where it lies.
template <int R, int C>
GIBBSLAB_HD void multiply(Factor a, const float* b, int64_t stride, int64_t depth,
                          Register (&sum)[R][C]) {
  for (int64_t k = 0; k < depth; ++k, a.p += a.depth, b += stride) {
    Register row[C];
    for (int c = 0; c < C; ++c) row[c] = register_at(b + kFloats * c);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
      for (int c = 0; c < C; ++c) sum[r][c] += a.p[r * a.row] * row[c];
  }
}

}  // namespace
}  // namespace gibbslab::cpu::GIBBSLAB_ISA
