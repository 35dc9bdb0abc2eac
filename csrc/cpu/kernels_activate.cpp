// Sigmoid, Philox and the comparison, over one row.
#include "csrc/core/faults.h"
#include "csrc/cpu/kernels_impl.h"
#include "csrc/cpu/simd.h"

namespace gibbslab::cpu::GIBBSLAB_ISA {
namespace {

// The uniforms of elements 32 i ... 32 i + 31 of a row: eight Philox counters in eight lanes.
struct Uniforms {
  f32x16 first, second;
};

GIBBSLAB_HD f32x16 uniforms_from_words(u64x8 words) {
  const u32x16 shifted = (u32x16)words >> (fault("uniforms_8_bit") ? 24 : 8);
  const f32x16 value = __builtin_convertvector((i32x16)shifted, f32x16);
  if (fault("uniforms_8_bit")) return value * 0.00390625f;
  if (fault("uniforms_open_at_zero")) return (value + 1.0f) * 5.9604644775390625e-8f;
  return value * 5.9604644775390625e-8f;
}

// The ten round keys of a seed, so that the loop over a row only loads them.
struct KeySchedule {
  uint64_t first[kPhiloxRounds], second[kPhiloxRounds];

  explicit KeySchedule(uint64_t seed) {
    uint32_t k0 = static_cast<uint32_t>(seed), k1 = static_cast<uint32_t>(seed >> 32);
    for (int round = 0; round < kPhiloxRounds; ++round, k0 += kPhiloxW0, k1 += kPhiloxW1) {
      first[round] = k0;
      second[round] = k1;
    }
  }
};

GIBBSLAB_HD Uniforms draw32(uint64_t counter, uint64_t stream, const KeySchedule& keys) {
  const u64x8 lane = {0, 1, 2, 3, 4, 5, 6, 7};
  const u64x8 address = lane + counter;
  u64x8 c0 = address, c1 = address >> 32;
  u64x8 c2 = u64x8{} + (stream & 0xFFFFFFFFu), c3 = u64x8{} + (stream >> 32);
  // Only the low half of each lane counts: the products read no other.
  for (int round = 0; round < kPhiloxRounds; ++round) {
    const u64x8 p0 = multiply_low_halves(c0, kPhiloxM0), p1 = multiply_low_halves(c2, kPhiloxM1);
    c0 = (p1 >> 32) ^ c1 ^ keys.first[round];
    c1 = p1;
    c2 = (p0 >> 32) ^ c3 ^ keys.second[round];
    c3 = p0;
  }
  const u64x8 low = u64x8{} + 0xFFFFFFFFull;
  u64x8 first, second;
  interleave((c0 & low) | (c1 << 32), (c2 & low) | (c3 << 32), first, second);
  return {uniforms_from_words(first), uniforms_from_words(second)};
}

GIBBSLAB_HD f32x16 probability(const ActivateRow& job, int64_t c) {
  const f32x16 x = load(job.pre + c);
  if (job.pre_is_mean) return x;
  const f32x16 p = sigmoid<f32x16>(x * job.scale);
  return fault("sigmoid_off") ? p + 1e-3f : p;
}

GIBBSLAB_HD uint32_t fires(f32x16 u, f32x16 p) {
  if (fault("uniform_at_most_p")) return ~less_mask(p, u) & 0xFFFFu;
  return less_mask(u, p);
}

// Clears the bits that lie beyond the row's last column.
GIBBSLAB_HD uint16_t within(uint32_t mask, int64_t c, int64_t cols) {
  const int64_t left = cols - c;
  return static_cast<uint16_t>(left >= 16 ? mask : mask & ((1u << left) - 1));
}

}  // namespace

void activate_row(const ActivateRow& job) {
  const KeySchedule keys(job.seed);
  uint16_t* bits = reinterpret_cast<uint16_t*>(job.bits);
  for (int64_t c = 0; c < job.cols; c += 32) {
    const bool two = c + 16 < job.cols;
    const f32x16 p0 = probability(job, c);
    const f32x16 p1 = two ? probability(job, c + 16) : f32x16{};
    if (job.mean != nullptr) {
      store(job.mean + c, p0);
      if (two) store(job.mean + c + 16, p1);
    }
    if (bits == nullptr) continue;
    const Uniforms u = draw32(job.counter + static_cast<uint64_t>(c / 4), job.stream, keys);
    bits[c / 16] = within(fires(u.first, p0), c, job.cols);
    if (two) bits[c / 16 + 1] = within(fires(u.second, p1), c + 16, job.cols);
  }
}

void uniform_row(float* out, int64_t cols, uint64_t counter, uint64_t stream, uint64_t seed) {
  const KeySchedule keys(seed);
  for (int64_t c = 0; c < cols; c += 32) {
    const Uniforms u = draw32(counter + static_cast<uint64_t>(c / 4), stream, keys);
    store(out + c, u.first);
    if (c + 16 < cols) store(out + c + 16, u.second);
  }
}

}  // namespace gibbslab::cpu::GIBBSLAB_ISA
