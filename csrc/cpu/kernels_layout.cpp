// Transposition of packed bits and of float matrices.
#include "csrc/cpu/kernels_impl.h"
#include "csrc/cpu/simd.h"
#include "csrc/cpu/tile.h"

namespace gibbslab::cpu::GIBBSLAB_ISA {
namespace {

// Swaps the off-diagonal quarters of width W < 8 of the 2 W rows of bits that lie in one vector.
template <int W>
GIBBSLAB_HD u64x8 swap_within(u64x8 rows, uint64_t low) {
  const i64x8 upper = (i64x8{0, 1, 2, 3, 4, 5, 6, 7} & W) != 0;
  const u64x8 other =
      __builtin_shufflevector(rows, rows, 0 ^ W, 1 ^ W, 2 ^ W, 3 ^ W, 4 ^ W, 5 ^ W, 6 ^ W, 7 ^ W);
  return upper ? (rows & ~low) | ((other >> W) & low) : (rows & low) | ((other & low) << W);
}

// A 64 x 64 bit block in place: swap ever smaller off-diagonal quarters (Hacker's Delight 7-3).
void transpose_block(u64x8* block) {
  uint64_t mask = 0x00000000FFFFFFFFull;
  for (int width = 32; width >= 8; width >>= 1, mask ^= mask << width)
    for (int i = 0; i < 8; ++i) {
      const int j = i | (width / 8);
      if (i == j) continue;
      const u64x8 swap = ((block[i] >> width) ^ block[j]) & mask;
      block[i] ^= swap << width;
      block[j] ^= swap;
    }
  for (int i = 0; i < 8; ++i) {
    const u64x8 fours = swap_within<4>(block[i], 0x0F0F0F0F0F0F0F0Full);
    const u64x8 pairs = swap_within<2>(fours, 0x3333333333333333ull);
    block[i] = swap_within<1>(pairs, 0x5555555555555555ull);
  }
}

}  // namespace

void transpose_bits(const BitTensor& x, int64_t begin, int64_t end, BitTensor& out,
                    int64_t out_row) {
  u64x8 vectors[8];
  uint64_t* block = reinterpret_cast<uint64_t*>(vectors);
  for (int64_t word = begin; word < end; ++word, out_row += 64) {
    const int64_t columns = x.cols() - 64 * word < 64 ? x.cols() - 64 * word : 64;
    for (int64_t first = 0; first < x.rows(); first += 64) {
      const int64_t rows = x.rows() - first < 64 ? x.rows() - first : 64;
      for (int64_t r = 0; r < 64; ++r) block[r] = r < rows ? x.row(first + r)[word] : 0;
      transpose_block(vectors);
      for (int64_t c = 0; c < columns; ++c) out.row(out_row + c)[first / 64] = block[c];
    }
  }
}

void transpose(const Tensor& x, Tensor& out, int64_t begin, int64_t end) {
  for (int64_t r = begin; r < end; r += 16) {
    const int64_t rows = end - r < 16 ? end - r : 16;
    for (int64_t c = 0; c < x.cols(); c += 16) {
      f32x16 tile[16];
      load_tile(x.row(r) + c, x.stride(), rows, tile);
      transpose_tile(tile);
      const int64_t columns = x.cols() - c < 16 ? x.cols() - c : 16;
      for (int64_t j = 0; j < columns; ++j) store(out.row(c + j) + r, tile[j]);
    }
  }
}

}  // namespace gibbslab::cpu::GIBBSLAB_ISA
