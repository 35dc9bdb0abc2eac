// Transposition of packed bits and of float matrices.
#include "csrc/cpu/kernels_impl.h"
#include "csrc/cpu/simd.h"

namespace gibbslab::cpu::GIBBSLAB_ISA {
namespace {

// A 64 x 64 bit block in place: swap ever smaller off-diagonal quarters (Hacker's Delight 7-3).
void transpose_block(uint64_t* block) {
  uint64_t mask = 0x00000000FFFFFFFFull;
  for (int width = 32; width != 0; width >>= 1, mask ^= mask << width)
    for (int k = 0; k < 64; k = ((k | width) + 1) & ~width) {
      const uint64_t swap = ((block[k] >> width) ^ block[k | width]) & mask;
      block[k] ^= swap << width;
      block[k | width] ^= swap;
    }
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

void transpose_bits(const BitTensor& x, int64_t begin, int64_t end, BitTensor& out,
                    int64_t out_row) {
  alignas(64) uint64_t block[64];
  for (int64_t word = begin; word < end; ++word, out_row += 64) {
    const int64_t columns = x.cols() - 64 * word < 64 ? x.cols() - 64 * word : 64;
    for (int64_t first = 0; first < x.rows(); first += 64) {
      const int64_t rows = x.rows() - first < 64 ? x.rows() - first : 64;
      for (int64_t r = 0; r < 64; ++r) block[r] = r < rows ? x.row(first + r)[word] : 0;
      transpose_block(block);
      for (int64_t c = 0; c < columns; ++c) out.row(out_row + c)[first / 64] = block[c];
    }
  }
}

void transpose(const Tensor& x, Tensor& out, int64_t begin, int64_t end) {
  for (int64_t r = begin; r < end; r += 16) {
    const int64_t rows = end - r < 16 ? end - r : 16;
    for (int64_t c = 0; c < x.cols(); c += 16) {
      f32x16 tile[16] = {};
      for (int64_t i = 0; i < rows; ++i) tile[i] = load(x.row(r + i) + c);
      transpose_tile(tile);
      const int64_t columns = x.cols() - c < 16 ? x.cols() - c : 16;
      for (int64_t j = 0; j < columns; ++j) store(out.row(c + j) + r, tile[j]);
    }
  }
}

}  // namespace gibbslab::cpu::GIBBSLAB_ISA
