// Which runs a cluster does in one launch, and how it holds the model.
#include "kernels/cd_slices.cuh"

#include <algorithm>

#include "kernels/gibbs_fragments.cuh"
#include "kernels/launch.cuh"

namespace gibbslab::cuda {
namespace {

constexpr int kClusters = 90;  // compute capability of clusters, times ten
// Tiles, one after the other, that a half-step or the update may take: with more, the graph's
// grids, which take all multiprocessors, should do better than one cluster. Counted, not measured.
constexpr int64_t kMostRounds = 2;

LaunchPlan plan_of(const CdSlices& slices, cudaStream_t s) {
  const dim3 blocks(static_cast<unsigned>(slices.blocks));
  LaunchPlan plan(blocks, dim3(kThreads), static_cast<size_t>(slices.bytes), s);
  plan.cluster(blocks);
  return plan;
}

int64_t pieces_of(int64_t n, int64_t size) { return (n + size - 1) / size; }

// The slices of a cluster of so many blocks; nothing where they do not fit.
std::optional<CdSlices> lay_out(const CdRunSizes& sizes, bool velocities, int blocks) {
  const int64_t own = pieces_of(pieces_of(sizes.visible, kWordUnits), blocks),
                units = own * kWordUnits, hidden_words = pieces_of(sizes.hidden, kWordUnits),
                chains = sizes.chains > 0 ? sizes.chains : sizes.batch,
                stride = 8 * pieces_of(sizes.hidden, 8) + 4;  // rows begin in different banks
  int64_t bytes = 0;
  const auto take = [&](int64_t count, int64_t size) {
    const int64_t at = bytes;
    bytes += 16 * pieces_of(count * size, 16);
    return static_cast<int>(at);
  };
  CdSlices out;
  out.tile = take(kWarps * kTile * kPitch, 4);
  out.weights = take(units * stride, 4);
  out.visible_bias = take(units, 4);
  out.hidden_bias = take(stride, 4);
  if (velocities) {
    out.velocity_weights = take(units * stride, 4);
    out.velocity_visible_bias = take(units, 4);
    out.velocity_hidden_bias = take(stride, 4);
  }
  for (int& v0 : out.v0) v0 = take(sizes.batch * own, 8);
  out.v1 = take(chains * own, 8);
  out.h0 = take(sizes.batch * hidden_words, 8);
  out.h1 = take(chains * hidden_words, 8);
  out.trouble = take(6, sizeof(int));
  if (bytes > shared_memory_limit()) return std::nullopt;
  out.blocks = blocks;
  out.own = static_cast<int>(own);
  out.stride = static_cast<int>(stride);
  out.velocities = velocities;
  out.bytes = static_cast<int>(bytes);
  return out;
}

// Whether every pass is a matter of few tiles.
bool is_small(const CdRunSizes& sizes, const CdSlices& slices) {
  const int64_t rows = tiles(std::max(sizes.batch, sizes.chains)), hidden = tiles(sizes.hidden),
                visible = kWordUnits / kTile * slices.own;
  const int64_t rounds =
      std::max({pieces_of(rows * hidden, slices.blocks), pieces_of(rows * visible, kWarps),
                pieces_of(visible * hidden, kWarps)});
  return rounds <= kMostRounds;
}

}  // namespace

std::optional<CdSlices> resident_slices(const CdRunKey& key, bool velocities,
                                        const CdResidentWish& wish) {
  const bool bf16 = key.how == GibbsArithmetic::kBf16x2 || key.how == GibbsArithmetic::kBf16x3;
  if (architecture() < kClusters || !bf16) return std::nullopt;
  const int64_t words = pieces_of(key.sizes.visible, kWordUnits);
  int blocks = wish.blocks > 0 ? wish.blocks : kLargestCluster;
  while (wish.blocks == 0 && blocks / 2 >= words) blocks /= 2;
  do {
    const std::optional<CdSlices> slices = lay_out(key.sizes, velocities, blocks);
    if (!slices || !(wish.wherever_it_fits || is_small(key.sizes, *slices))) return std::nullopt;
    const void* kernel = reinterpret_cast<const void*>(resident_kernel(key.how));
    if (plan_of(*slices, stream()).clusters_at_once(kernel) > 0) return slices;
    blocks /= 2;
  } while (wish.blocks == 0 && blocks > 0);
  return std::nullopt;
}

void queue_resident_run(const CdRunKey& key, const CdSlices& slices, const CdRunJob& job,
                        CdProgress* progress, cudaStream_t s) {
  plan_of(slices, s).run(resident_kernel(key.how), job, slices, progress);
}

}  // namespace gibbslab::cuda
