// What follows the products of a convolution: f(norm(sum + b)), or sum + b and the moments of each
// channel.
//
// A block has a tile of 32 pixels by 32 channels, a thread four channels of one pixel, as
// gibbs_tile.cuh leaves them. The moments of a tile are a part; merge_parts adds the parts, each of
// 16 threads every 16th of them from its own on, then those of the threads, in order: the result
// depends on the shapes alone.
#pragma once

#include "csrc/core/norm_formulas.h"
#include "kernels/channel_view.cuh"
#include "kernels/gibbs_tile.cuh"
#include "kernels/reduction.cuh"
#include "kernels/rows.cuh"

namespace gibbslab::cuda {

// Where the results go: pixels of sample n side by side, `channels` each.
struct ConvOutput {
  float* data;
  int64_t stride;
  int channels;
  const float* bias;  // or null
  float alpha;
  ChannelView norm;
  double* parts;  // (parts, 3, channels): count, mean, squares; or null
};

// f of the normalised sums of four channels from `channel` on; those beyond the last stay.
template <class F>
__device__ __forceinline__ float4 finished(const ConvOutput& out, int64_t channel, float4 sum) {
  float values[4] = {sum.x, sum.y, sum.z, sum.w};
#pragma unroll
  for (int e = 0; e < 4; ++e) {
    if (channel + e >= out.channels) break;
    if (out.bias != nullptr && !fault("dense_bias_left_out")) values[e] += out.bias[channel + e];
    if (out.norm.mean != nullptr) values[e] = normalised(out.norm.at(channel + e), values[e]);
    values[e] = F::template value<float>(values[e], out.alpha);
  }
  return {values[0], values[1], values[2], values[3]};
}

__device__ __forceinline__ void put_pixel(const ConvOutput& out, int64_t n, int64_t pixel,
                                          int64_t channel, float4 result) {
  float* to = out.data + n * out.stride + pixel * out.channels;
  const float values[4] = {result.x, result.y, result.z, result.w};
#pragma unroll
  for (int e = 0; e < 4; ++e)
    if (channel + e < out.channels) to[channel + e] = values[e];
}

// Part `part`: the moments of the first `pixels` rows of the tile whose results the threads hold;
// all threads of the block call it.
__device__ __forceinline__ void put_moments(TileMemory& memory, const ConvOutput& out, int64_t part,
                                            int64_t first_channel, int pixels, float4 result) {
  float* tile = reinterpret_cast<float*>(&memory);
  tile_barrier();  // the sums of the quarters may still be read
  *reinterpret_cast<float4*>(tile + 4 * threadIdx.x) = result;
  tile_barrier();
  const int64_t channel = first_channel + threadIdx.x;
  if (threadIdx.x >= kTile || channel >= out.channels) return;
  if (fault("kernel_rows_of_no_pixel")) pixels = kTile;
  double sum = 0.0, squares = 0.0;
  for (int r = 0; r < pixels; ++r) {
    const double value = double{tile[r * kTile + threadIdx.x]};
    sum += value;
    squares += value * value;
  }
  const PartMoments found =
      pixels > 0 ? PartMoments::of(sum, squares, pixels) : PartMoments{0.0, 0.0, 0.0};
  double* to = out.parts + 3 * part * out.channels + channel;
  to[0] = found.count;
  to[out.channels] = found.mean;
  to[2 * out.channels] = found.squares;
}

// A block has 32 channels, 16 threads each.
static __global__ void __launch_bounds__(32 * kRowGroups)
    merge_parts(const double* parts, int64_t count, int64_t channels, float* mean,
                float* variance) {
  __shared__ PartMoments of_thread[kRowGroups][32];
  const int64_t c = int64_t{blockIdx.x} * 32 + threadIdx.x;
  PartMoments all{0.0, 0.0, 0.0};
  for (int64_t p = threadIdx.y; c < channels && p < count; p += kRowGroups) {
    const double* part = parts + 3 * p * channels + c;
    all = merged(all, {part[0], part[channels], part[2 * channels]});
  }
  of_thread[threadIdx.y][threadIdx.x] = all;
  tile_barrier();
  if (c >= channels || threadIdx.y != 0) return;
  for (int y = 1; y < kRowGroups; ++y) all = merged(all, of_thread[y][threadIdx.x]);
  mean[c] = static_cast<float>(all.mean);
  variance[c] = static_cast<float>(all.squares / all.count);
}

}  // namespace gibbslab::cuda
