// Shuffles, votes, match, reductions and atomics; and masks that do not say the truth.
#include <cmath>

#include "tests/emulator/device_array.h"

namespace gibbslab {
namespace {

constexpr unsigned kAll = 0xFFFFFFFFu;

__global__ void shuffles(int* out) {
  const int lane = threadIdx.x % 32, value = 100 + threadIdx.x;
  int* to = out + 5 * threadIdx.x;
  to[0] = __shfl_sync(kAll, value, 3);
  to[1] = __shfl_up_sync(kAll, value, 2);
  to[2] = __shfl_down_sync(kAll, value, 2, 8);
  to[3] = __shfl_xor_sync(kAll, value, 5);
  const unsigned half = lane < 16 ? 0x0000FFFFu : 0xFFFF0000u;
  to[4] = __shfl_sync(half, value, lane < 16 ? 1 : 17);
}

__global__ void shuffle_from_outside(float* out) {
  if (threadIdx.x < 16) out[threadIdx.x] = __shfl_sync(0xFFFFu, 1.0f, 20);
}

__global__ void votes(unsigned* out) {
  const unsigned lane = threadIdx.x;
  unsigned* to = out + 8 * lane;
  to[0] = __ballot_sync(kAll, lane % 3 == 0);
  to[1] = __any_sync(kAll, lane == 40);
  to[2] = __any_sync(kAll, lane == 4);
  to[3] = __all_sync(kAll, lane < 32);
  to[4] = __match_any_sync(kAll, static_cast<int>(lane % 4));
  to[5] = __reduce_add_sync(kAll, lane);
  to[6] = __reduce_max_sync(kAll, lane * 3);
  int same = 0;
  to[7] = __match_all_sync(kAll, 7, &same) + same;
}

__global__ void atomics(int* sum, float* real, unsigned* bits, unsigned* wrapped, int* most) {
  atomicAdd(sum, static_cast<int>(threadIdx.x));
  atomicAdd(real, 0.5f);
  atomicOr(bits, 1u << (threadIdx.x % 32));
  atomicInc(wrapped, 9u);
  atomicMax(most, static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x));
  atomicCAS(bits + 1, 0u, 77u);
}

// All lanes but one arrive; the one waits elsewhere, has returned, names others or itself not.
__global__ void lane_returned() {
  if (threadIdx.x == 9) return;
  __shfl_sync(kAll, 1, 0);
}
__global__ void lane_not_named() { __ballot_sync(0xFFFFFFFEu, 1); }
__global__ void masks_differ() { __syncwarp(threadIdx.x < 16 ? kAll : 0xFFFF0000u); }
__global__ void operations_differ() {
  if (threadIdx.x % 2)
    __any_sync(kAll, 1);
  else
    __shfl_sync(kAll, 1, 0);
}
__global__ void short_warp() { __syncwarp(); }
__global__ void spins(unsigned* flag) {
  while (load_acquire(flag) == 0) sleep_for(20);
}
__global__ void waits_for_flag(unsigned* flag, int* out) {
  if (threadIdx.x == 63) {
    *out = 5;
    store_release(flag, 1u);
  } else {
    while (load_acquire(flag) == 0) sleep_for(20);
    if (*out != 5) *out = -1;
  }
}

}  // namespace

TEST(shuffles_read_the_named_lane) {
  DeviceArray<int> to(5 * 64);
  launch(shuffles, 1, 64, 0, nullptr, to.data());
  const std::vector<int> out = to.read();
  for (int t = 0; t < 64; ++t) {
    const int lane = t % 32, base = 100 + t - lane, *got = &out[5 * t];
    CHECK(got[0] == base + 3);
    CHECK(got[1] == base + (lane < 2 ? lane : lane - 2));
    CHECK(got[2] == base + (lane % 8 < 6 ? lane + 2 : lane));
    CHECK(got[3] == base + (lane ^ 5));
    CHECK(got[4] == base + (lane < 16 ? 1 : 17));
  }
}

TEST(shuffle_from_a_lane_outside_the_mask_is_poison) {
  DeviceArray<float> to(16);
  launch(shuffle_from_outside, 1, 32, 0, nullptr, to.data());
  for (const float got : to.read()) CHECK(std::isnan(got));
}

TEST(votes_and_reductions) {
  DeviceArray<unsigned> to(8 * 32);
  launch(votes, 1, 32, 0, nullptr, to.data());
  const std::vector<unsigned> out = to.read();
  for (unsigned lane = 0; lane < 32; ++lane) {
    const unsigned* got = &out[8 * lane];
    CHECK(got[0] == 0x49249249u && got[1] == 0 && got[2] == 1 && got[3] == 1);
    CHECK(got[4] == 0x11111111u << (lane % 4) && got[5] == 496 && got[6] == 93);
    CHECK(got[7] == 0);  // all ones, and one for "the same"
  }
}

TEST(atomics_count_every_thread) {
  DeviceArray<int> sum(std::vector<int>{0}), most(std::vector<int>{-5});
  DeviceArray<float> real(std::vector<float>{1});
  DeviceArray<unsigned> bits(std::vector<unsigned>{0, 0}), wrapped(std::vector<unsigned>{0});
  launch(atomics, 3, 40, 0, nullptr, sum.data(), real.data(), bits.data(), wrapped.data(),
         most.data());
  CHECK(sum.read()[0] == 3 * 780 && real.read()[0] == 61.0f && most.read()[0] == 119);
  CHECK(bits.read()[0] == kAll && bits.read()[1] == 77 && wrapped.read()[0] == 0);
}

TEST(wrong_masks_are_reported) {
  expect_report({"lane_returned", "lane 9", "a shuffle of mask 0xffffffff"},
                [] { launch(lane_returned, 1, 32, 0, nullptr); });
  expect_report({"does not name the calling lane 0"},
                [] { launch(lane_not_named, 1, 32, 0, nullptr); });
  expect_report({"masks_differ", "__syncwarp of mask 0xffff"},
                [] { launch(masks_differ, 1, 32, 0, nullptr); });
  expect_report({"operations_differ", "a shuffle", "a vote"},
                [] { launch(operations_differ, 1, 32, 0, nullptr); });
  expect_report({"short_warp", "lane 20", "does not exist"},
                [] { launch(short_warp, 1, 20, 0, nullptr); });
}

TEST(flags_between_threads) {
  DeviceArray<unsigned> flag(std::vector<unsigned>{0});
  DeviceArray<int> out(1);
  launch(waits_for_flag, 1, 64, 0, nullptr, flag.data(), out.data());
  CHECK(out.read()[0] == 5);
}

TEST(endless_spin_is_reported) {
  DeviceArray<unsigned> flag(std::vector<unsigned>{0});
  expect_report({"spins", "nobody changes"}, [&] { launch(spins, 1, 4, 0, nullptr, flag.data()); });
}

}  // namespace gibbslab
