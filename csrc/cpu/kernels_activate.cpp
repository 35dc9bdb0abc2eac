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

// The ten round keys of a seed, so that the loop over a row only loads them. Not inlined: GCC would
// keep them in registers that it lacks, and take them apart again in the loop.
struct KeySchedule {
  uint64_t first[kPhiloxRounds], second[kPhiloxRounds];

  __attribute__((noinline)) explicit KeySchedule(uint64_t seed) {
    uint32_t k0 = static_cast<uint32_t>(seed), k1 = static_cast<uint32_t>(seed >> 32);
    for (int round = 0; round < kPhiloxRounds; ++round, k0 += kPhiloxW0, k1 += kPhiloxW1) {
      first[round] = k0;
      second[round] = k1;
    }
  }
};

// The words of N times eight counters in eight lanes; only the low half of each lane counts.
template <int N>
struct Words {
  u64x8 word[4][N];
};

// N chains of multiplications round by round: one alone would wait for itself.
template <int N>
GIBBSLAB_HD Words<N> draw_words(uint64_t counter, uint64_t stream, const KeySchedule& keys) {
  const u64x8 lane = {0, 1, 2, 3, 4, 5, 6, 7};
  Words<N> out;
  auto& [c0, c1, c2, c3] = out.word;
  for (int n = 0; n < N; ++n) {
    c0[n] = lane + (counter + static_cast<uint64_t>(8 * n));
    c1[n] = c0[n] >> 32;
    c2[n] = u64x8{} + (stream & 0xFFFFFFFFu);
    c3[n] = u64x8{} + (stream >> 32);
  }
  // The products read the low halves.
  for (int round = 0; round < kPhiloxRounds; ++round)
    for (int n = 0; n < N; ++n) {
      const u64x8 p0 = multiply_low_halves(c0[n], kPhiloxM0);
      const u64x8 p1 = multiply_low_halves(c2[n], kPhiloxM1);
      c0[n] = (p1 >> 32) ^ c1[n] ^ keys.first[round];
      c1[n] = p1;
      c2[n] = (p0 >> 32) ^ c3[n] ^ keys.second[round];
      c3[n] = p0;
    }
  return out;
}

GIBBSLAB_HD u64x8 low_half(u64x8 x) { return x & 0xFFFFFFFFull; }

// The draws of N times 32 elements.
template <int N>
GIBBSLAB_HD void draw32(uint64_t counter, uint64_t stream, const KeySchedule& keys, Uniforms* out) {
  const Words<N> words = draw_words<N>(counter, stream, keys);
  const auto& [c0, c1, c2, c3] = words.word;
  for (int n = 0; n < N; ++n) {
    u64x8 first, second;
    interleave(low_half(c0[n]) | (c1[n] << 32), low_half(c2[n]) | (c3[n] << 32), first, second);
    out[n] = {uniforms_from_words(first), uniforms_from_words(second)};
  }
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

// Elements c ... c + 32 N - 1 of a row, as far as it goes.
template <int N>
GIBBSLAB_HD void activate32(const ActivateRow& job, int64_t c, const KeySchedule& keys) {
  Uniforms u[N];
  if (job.bits != nullptr)
    draw32<N>(job.counter + static_cast<uint64_t>(c / 4), job.stream, keys, u);
  for (int i = 0; i < 2 * N && c < job.cols; ++i, c += 16) {
    const f32x16 p = probability(job, c);
    if (job.mean != nullptr) store(job.mean + c, p);
    if (job.bits != nullptr)
      reinterpret_cast<uint16_t*>(job.bits)[c / 16] =
          within(fires(i % 2 == 0 ? u[i / 2].first : u[i / 2].second, p), c, job.cols);
  }
}

#if defined(__AVX512F__)
constexpr int kChains = 4;  // 78400 draws: 35 us, and 42 with one (Zen 4)
#else
constexpr int kChains = 1;  // of two registers or more already
#endif

}  // namespace

void activate_row(const ActivateRow& job) {
  const KeySchedule keys(job.seed);
  int64_t c = 0;
  // Chains beyond the row's end cost less than chains that wait.
  for (; kChains > 1 && c + 64 < job.cols; c += 32 * kChains) activate32<kChains>(job, c, keys);
  if (kChains > 1 && c + 32 < job.cols) return activate32<2>(job, c, keys);
  for (; c < job.cols; c += 32) activate32<1>(job, c, keys);
}

void uniform_row(float* out, int64_t cols, uint64_t counter, uint64_t stream, uint64_t seed) {
  const KeySchedule keys(seed);
  for (int64_t c = 0; c < cols; c += 32) {
    Uniforms u;
    draw32<1>(counter + static_cast<uint64_t>(c / 4), stream, keys, &u);
    store(out + c, u.first);
    if (c + 16 < cols) store(out + c + 16, u.second);
  }
}

// Two elements to a counter: words 0 and 1, words 2 and 3.
void standard_normals(float* out, int64_t count, uint64_t counter, uint64_t stream, uint64_t seed) {
  const KeySchedule keys(seed);
  for (int64_t e = 0; e < count; e += 16, counter += 8) {
    const Words<1> words = draw_words<1>(counter, stream, keys);
    const auto whole = [&](int i) { return (i64x8)low_half(words.word[i][0]); };
    const f64x8 even = normal_of_words<f64x8>(whole(0), whole(1)),
                odd = normal_of_words<f64x8>(whole(2), whole(3));
    for (int i = 0; i < 8; ++i) {
      out[e + 2 * i] = static_cast<float>(even[i]);
      out[e + 2 * i + 1] = static_cast<float>(odd[i]);
    }
  }
}

}  // namespace gibbslab::cpu::GIBBSLAB_ISA
