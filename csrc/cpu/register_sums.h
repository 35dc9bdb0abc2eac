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

}  // namespace
}  // namespace gibbslab::cpu::GIBBSLAB_ISA
