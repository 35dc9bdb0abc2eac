// The twins of the tensor-core leaves: exact in the layout of fragments, which the leaves document.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "cuda_bf16.h"
#include "emulator/engine.h"

namespace gibbslab::emulator {

// Rounds to 10 bits of mantissa, ties away from zero.
inline uint32_t to_tf32(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  return (bits & 0x7F800000u) == 0x7F800000u ? bits : (bits + 0x1000u) & 0xFFFFE000u;
}

// The bits of the nearest bf16 number, ties to even; every NaN becomes 0x7FFF.
inline uint32_t to_bf16(float x) { return __float2bfloat16_rn(x).bits; }

// How a register's bits are read.
struct Bf16 {
  using Value = float;
  using Sum = float;
  static constexpr int kPerRegister = 2;
  static Value element(uint32_t bits, int e) {
    return std::bit_cast<float>(e ? bits & 0xFFFF0000u : bits << 16);
  }
};
struct Tf32 {
  using Value = float;
  using Sum = float;
  static constexpr int kPerRegister = 1;
  // The low 13 bits of the register are not looked at.
  static Value element(uint32_t bits, int) { return std::bit_cast<float>(bits & 0xFFFFE000u); }
};
struct S8 {
  using Value = int;
  using Sum = int;
  static constexpr int kPerRegister = 4;
  static Value element(uint32_t bits, int e) { return static_cast<int8_t>(bits >> (8 * e)); }
};

template <class Sum>
struct MmaPost {
  const uint32_t *a, *b;
  Sum* c;
};

// The rows of a and b as the lanes hold them.
template <class Format>
struct Factors {
  static constexpr int kP = Format::kPerRegister, kDepth = 8 * kP;
  typename Format::Value a[16][kDepth], b[kDepth][8];

  void take(const MmaPost<typename Format::Sum>& post, int g, int t) {
    for (int e = 0; e < kP; ++e) {
      for (int r = 0; r < 4; ++r)
        a[g + 8 * (r % 2)][kP * t + e + 4 * kP * (r / 2)] = Format::element(post.a[r], e);
      for (int r = 0; r < 2; ++r) b[kP * t + e + 4 * kP * r][g] = Format::element(post.b[r], e);
    }
  }
};

// c += a b, each sum in order of k; integers wrap.
template <class T, int kDepth>
void add_product(const T (&a)[16][kDepth], const T (&b)[kDepth][8], T (&c)[16][8]);

template <class Format>
void multiply(void* const* posted, uint32_t) {
  using Sum = typename Format::Sum;
  Factors<Format> factors;
  for (int lane = 0; lane < 32; ++lane)
    factors.take(*static_cast<const MmaPost<Sum>*>(posted[lane]), lane / 4, lane % 4);
  Sum sums[16][8];
  const auto place = [&](int row, int column) -> Sum& {
    const void* post = posted[4 * (row % 8) + column / 2];
    return static_cast<const MmaPost<Sum>*>(post)->c[2 * (row / 8) + column % 2];
  };
  for (int row = 0; row < 16; ++row)
    for (int column = 0; column < 8; ++column) sums[row][column] = place(row, column);
  add_product(factors.a, factors.b, sums);
  for (int row = 0; row < 16; ++row)
    for (int column = 0; column < 8; ++column) place(row, column) = sums[row][column];
}

template <class Format>
void mma(typename Format::Sum* c, const uint32_t* a, const uint32_t* b, Site where) {
  MmaPost<typename Format::Sum> post{a, b, c};
  warp_collective(Op::kMma, 0xFFFFFFFFu, &post, multiply<Format>, where);
}

struct MatrixPost {
  uint16_t row[8];
  uint32_t* to;
};

template <int kMatrices, bool kTransposed>
void hand_out(void* const* posted, uint32_t) {
  for (int lane = 0; lane < 32; ++lane)
    for (int i = 0; i < kMatrices; ++i) {
      uint32_t pair = 0;
      for (int e = 0; e < 2; ++e) {
        int row = lane / 4, column = 2 * (lane % 4) + e;
        if (kTransposed) std::swap(row, column);
        const uint32_t bits = static_cast<const MatrixPost*>(posted[8 * i + row])->row[column];
        pair |= bits << (16 * e);
      }
      static_cast<MatrixPost*>(posted[lane])->to[i] = pair;
    }
}

template <int kMatrices, bool kTransposed>
void ldmatrix(uint32_t* to, const void* row, Site where) {
  MatrixPost post{{}, to};
  if (current->lane < 8 * kMatrices) {
    if (reinterpret_cast<uintptr_t>(row) % 16)
      fail(cudaErrorMisalignedAddress, "ldmatrix: a row's address is not a multiple of 16");
    std::memcpy(post.row, row, sizeof(post.row));
  }
  warp_collective(Op::kLdmatrix, 0xFFFFFFFFu, &post, hand_out<kMatrices, kTransposed>, where);
}

inline uint32_t load_flag(const uint32_t* at) { return __atomic_load_n(at, __ATOMIC_ACQUIRE); }
inline void store_flag(uint32_t* at, uint32_t value) {
  __atomic_store_n(at, value, __ATOMIC_RELEASE);
}

}  // namespace gibbslab::emulator
