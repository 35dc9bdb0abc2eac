// The tile of the CD statistics and of their update in float32 (cd_fp32.cu).
#pragma once

#include "kernels/cd_epilogue.cuh"
#include "kernels/gibbs_tile.cuh"

namespace gibbslab::cuda {

union CdMemory {
  TileMemory tile;
  float transposed[kTile * (kTile + 1)];
};

// The 32 visible x 32 hidden units from (row, col) on.
template <bool kUpdate>
__device__ __forceinline__ void cd_fp32_tile(const CdProduct& product, const CdOutput& out,
                                             int64_t row, int64_t col, CdMemory& memory) {
  const int slow = threadIdx.x / 8, fast = 4 * (threadIdx.x % 8);
  const int64_t chunks0 = (product.v0.rows + kTile - 1) / kTile,
                chunks1 = (product.v1.rows + kTile - 1) / kTile;
  const auto fetch = [&](int64_t chunk) {
    const bool first = chunk < chunks0;
    const Operand &v = first ? product.v0 : product.v1, &h = first ? product.h0 : product.h1;
    const int64_t depth = (first ? chunk : chunk - chunks0) * kTile + slow;
    return Quads{quad(v, depth, row + fast),
                 times(quad(h, depth, col + fast), first ? product.weight0 : product.weight1)};
  };
  const float4 sum = tile_product<false, false>(memory.tile, chunks0 + chunks1, fetch);
  finish_tile<kUpdate>(out, memory.transposed, row, col, times(sum, product.scale));
}

}  // namespace gibbslab::cuda
