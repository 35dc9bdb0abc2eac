// The product of a matrix instruction, in a file of its own: half of an emulated training step, it
// is compiled with -O3 and never sanitized.
#include "emulator/mma.h"

#include <type_traits>

namespace gibbslab::emulator {

template <class T, int kDepth>
void add_product(const T (&a)[16][kDepth], const T (&b)[kDepth][8], T (&c)[16][8]) {
  using Wrapping = std::conditional_t<std::is_same_v<T, int>, uint32_t, T>;
  for (int row = 0; row < 16; ++row) {
    Wrapping sum[8];
    for (int column = 0; column < 8; ++column) sum[column] = static_cast<Wrapping>(c[row][column]);
    for (int k = 0; k < kDepth; ++k)
      for (int column = 0; column < 8; ++column)
        sum[column] += static_cast<Wrapping>(a[row][k]) * static_cast<Wrapping>(b[k][column]);
    for (int column = 0; column < 8; ++column) c[row][column] = static_cast<T>(sum[column]);
  }
}

template void add_product(const float (&)[16][16], const float (&)[16][8],
                          float (&)[16][8]);                                                 // bf16
template void add_product(const float (&)[16][8], const float (&)[8][8], float (&)[16][8]);  // tf32
template void add_product(const int (&)[16][32], const int (&)[32][8], int (&)[16][8]);      // int8

}  // namespace gibbslab::emulator
