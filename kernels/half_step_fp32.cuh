// The tile of a Gibbs half-step in float32 (gibbs_fp32.cu).
#pragma once

#include "kernels/gibbs_tile.cuh"

namespace gibbslab::cuda {

// The half-step of the 32 rows from `row` on and of 32 units.
template <bool kTransposed, class Rows>
__device__ __forceinline__ void half_step_fp32_tile(const Operand& x, const Rows& rows,
                                                    const Operand& w, const HalfStepOutput& out,
                                                    int64_t row, int64_t unit, TileMemory& memory) {
  const int slow = threadIdx.x / 8, fast = 4 * (threadIdx.x % 8);
  const auto fetch = [&](int64_t chunk) {
    const int64_t depth = chunk * kTile;
    return Quads{quad(x, row + slow, depth + fast, rows),
                 kTransposed ? dense_quad(w, unit + slow, depth + fast)
                             : dense_quad(w, depth + slow, unit + fast)};
  };
  const int64_t chunks = (x.cols + kTile - 1) / kTile;
  const float4 sum = tile_product<true, kTransposed>(memory, chunks, fetch);
  finish_quad(out, row + slow, unit + fast, pre_activation(out, unit + fast, sum));
}

}  // namespace gibbslab::cuda
