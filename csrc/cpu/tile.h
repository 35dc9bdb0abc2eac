// A 16 x 16 tile of floats in registers; for the kernel files of one instruction set.
#pragma once

#include "csrc/cpu/kernels_impl.h"
#include "csrc/cpu/simd.h"

namespace gibbslab::cpu::GIBBSLAB_ISA {
namespace {

// The first `rows` rows, `stride` apart, zeros below. Row by row: to clear all first takes longer.
GIBBSLAB_HD void load_tile(const float* p, int64_t stride, int64_t rows, f32x16* tile) {
  if (rows >= 16) {
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) tile[i] = load(p + i * stride);
    return;
  }
  for (int i = 0; i < 16; ++i) tile[i] = i < rows ? load(p + i * stride) : f32x16{};
}

// Four perfect shuffles of the sixteen rows: each halves the distance of what belongs together.
GIBBSLAB_HD void transpose_tile(f32x16* tile) {
  for (int stage = 0; stage < 4; ++stage) {
    f32x16 next[16];
    for (int i = 0; i < 8; ++i) {
      const f32x16 a = tile[i], b = tile[i + 8];
      next[2 * i] =
          __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      next[2 * i + 1] = __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29,
                                                14, 30, 15, 31);
    }
    for (int i = 0; i < 16; ++i) tile[i] = next[i];
  }
}

}  // namespace
}  // namespace gibbslab::cpu::GIBBSLAB_ISA
