// Sums of softplus and float64 row sums: the arithmetic of free energies and log-weights.
#include <algorithm>
#include <cmath>

#include "csrc/cpu/kernels_impl.h"
#include "csrc/cpu/simd.h"

namespace gibbslab::cpu::GIBBSLAB_ISA {
namespace {

typedef int64_t i64x8 __attribute__((vector_size(64)));

GIBBSLAB_HD f64x8 select(i64x8 mask, f64x8 a, f64x8 b) { return mask ? a : b; }

// exp(x) for x <= 0 in float64, within 1e-15 relative; 0 below -700.
GIBBSLAB_HD f64x8 exp_nonpositive(f64x8 x) {
  const f64x8 clamped = select(x > -700.0, x, f64x8{} - 700.0);
  const f64x8 shifted = clamped * 1.4426950408889634 + 6755399441055744.0;
  const f64x8 n = shifted - 6755399441055744.0;
  const f64x8 r = (clamped - n * 0.693147180369123816490) - n * 1.90821492927058770002e-10;
  // Taylor to degree 13: |r| <= 0.3466 leaves a remainder under 5e-18.
  f64x8 p = f64x8{} + 1.6059043836821613e-10;
  constexpr double kTaylor[] = {2.0876756987868099e-9,
                                2.5052108385441719e-8,
                                2.7557319223985891e-7,
                                2.7557319223985891e-6,
                                2.4801587301587302e-5,
                                1.9841269841269841e-4,
                                1.3888888888888889e-3,
                                8.3333333333333333e-3,
                                4.1666666666666667e-2,
                                1.6666666666666667e-1,
                                0.5,
                                1.0,
                                1.0};
  for (double c : kTaylor) p = p * r + c;
  const i64x8 exponent = ((i64x8)shifted + 1023) << 52;
  return select(x > -700.0, p * (f64x8)exponent, f64x8{});
}

GIBBSLAB_HD f64x8 maximum(f64x8 a, f64x8 b) { return select(a > b, a, b); }

double sum_lanes(f64x8 v) {
  double total = 0;
  for (int i = 0; i < 8; ++i) total += v[i];
  return total;
}

double sum_logs(f64x8 product) {
  double total = 0;
  for (int i = 0; i < 8; ++i) total += std::log(product[i]);
  return total;
}

// Each factor 1 + exp(-|x|) is in (1, 2]: this many fit in a double before a logarithm is due.
constexpr int64_t kFactors = 512;

GIBBSLAB_HD f64x8 load_or(const double* x, int64_t left, double filler) {
  f64x8 v = f64x8{} + filler;
  for (int64_t i = 0; i < 8 && i < left; ++i) v[i] = x[i];
  return v;
}

}  // namespace

double softplus_sum(const double* x, int64_t n) {
  f64x8 positive = {};
  double logs = 0;
  for (int64_t first = 0; first < n; first += 8 * kFactors) {
    f64x8 product = f64x8{} + 1.0;
    const int64_t last = std::min(n, first + 8 * kFactors);
    for (int64_t i = first; i < last; i += 8) {
      f64x8 v;
      if (i + 8 <= last)
        __builtin_memcpy(&v, x + i, sizeof(v));
      else
        v = load_or(x + i, last - i, -1e300);  // adds exactly nothing
      positive += maximum(v, f64x8{});
      product *= exp_nonpositive(select(v > 0.0, f64x8{} - v, v)) + 1.0;
    }
    logs += sum_logs(product);
  }
  return sum_lanes(positive) + logs;
}

double softplus_difference(const float* x, int64_t cols, float low, float high) {
  const int64_t padded = round_up(cols, 16);
  const float step = high - low;
  f64x8 linear = {};
  double logs = 0;
  for (int64_t first = 0; first < padded; first += 16 * kFactors) {
    f64x8 up[2] = {f64x8{} + 1.0, f64x8{} + 1.0}, down[2] = {f64x8{} + 1.0, f64x8{} + 1.0};
    for (int64_t c = first; c < std::min(padded, first + 16 * kFactors); c += 16) {
      f32x16 v = load(x + c);
      for (int64_t i = cols; i < c + 16; ++i) v[i - c] = 0.0f;  // equal factors cancel
      const f32x16 magnitude = Lane<f32x16>::select(v > 0.0f, v, f32x16{} - v);
      const f32x16 a = ::gibbslab::exp_nonpositive<f32x16>(magnitude * -high);
      const f32x16 b = ::gibbslab::exp_nonpositive<f32x16>(magnitude * -low);
      const f32x16 gain = Lane<f32x16>::select(v > 0.0f, v, f32x16{});
      for (int half = 0; half < 2; ++half) {
        up[half] *= widen_half(a, half) + 1.0;
        down[half] *= widen_half(b, half) + 1.0;
        linear += widen_half(gain, half);
      }
    }
    logs += sum_logs(up[0] / down[0]) + sum_logs(up[1] / down[1]);
  }
  return sum_lanes(linear) * static_cast<double>(step) + logs;
}

float largest_difference(const float* x, const float* y, int64_t cols) {
  using L = Lane<f32x16>;
  f32x16 most = {};
  int64_t c = 0;
  for (; c + 16 <= cols; c += 16)
    most = L::larger(most, -L::negative_magnitude(load(x + c) - load(y + c)));
  float largest = 0.0f;
  for (int lane = 0; lane < 16; ++lane) largest = Lane<float>::larger(largest, most[lane]);
  for (; c < cols; ++c) {
    const float apart = x[c] > y[c] ? x[c] - y[c] : y[c] - x[c];
    largest = apart > largest ? apart : largest;
  }
  return largest;
}

void gather_rows(const float* w, int64_t stride, const int32_t* active, int64_t count,
                 const double* bias, double* out, int64_t padded_cols) {
  for (int64_t c = 0; c < padded_cols; c += 16) {
    f64x8 sum[2];
    __builtin_memcpy(sum, bias + c, sizeof(sum));
    for (int64_t k = 0; k < count; ++k)
      for (int half = 0; half < 2; ++half)
        sum[half] += widen(w + active[k] * stride + c + 8 * half);
    __builtin_memcpy(out + c, sum, sizeof(sum));
  }
}

void axpy(double x, const float* w, double* out, int64_t padded_cols) {
  for (int64_t c = 0; c < padded_cols; c += 8) {
    f64x8 v;
    __builtin_memcpy(&v, out + c, sizeof(v));
    v += x * widen(w + c);
    __builtin_memcpy(out + c, &v, sizeof(v));
  }
}

void popcount_row(const uint64_t* a, const uint64_t* b, int64_t words, int64_t padded_cols,
                  float scale, bool accumulate, float* out) {
  for (int64_t j = 0; j < padded_cols; ++j) {
    int64_t ones = 0;
    for (int64_t w = 0; w < words; ++w) ones += __builtin_popcountll(a[w] & b[w * padded_cols + j]);
    const float value = scale * static_cast<float>(ones);
    out[j] = accumulate ? out[j] + value : value;
  }
}

int64_t count_ones(const uint64_t* x, int64_t words) {
  int64_t ones = 0;
  for (int64_t w = 0; w < words; ++w) ones += __builtin_popcountll(x[w]);
  return ones;
}

void column_sums(const Tensor& x, double* sums) {
  for (int64_t r = 0; r < x.rows(); ++r)
    for (int64_t c = 0; c < x.cols(); ++c) sums[c] += x.row(r)[c];
}

void bit_column_sums(const BitTensor& x, double* sums) {
#if defined(__AVX512BW__)
  constexpr int64_t kMost = 255;  // rows that a byte can count
  for (int64_t w = 0; w < x.words_per_row(); ++w)
    for (int64_t first = 0; first < x.rows(); first += kMost) {
      const int64_t last = first + kMost < x.rows() ? first + kMost : x.rows();
      __m512i counts = _mm512_setzero_si512();
      for (int64_t r = first; r < last; ++r)
        counts = _mm512_mask_add_epi8(counts, x.row(r)[w], counts, _mm512_set1_epi8(1));
      alignas(64) uint8_t lanes[64];
      _mm512_store_si512(lanes, counts);
      const int64_t count = x.cols() - 64 * w < 64 ? x.cols() - 64 * w : 64;
      for (int64_t i = 0; i < count; ++i) sums[64 * w + i] += lanes[i];
    }
#else
  for (int64_t r = 0; r < x.rows(); ++r)
    for (int64_t w = 0; w < x.words_per_row(); ++w)
      for (uint64_t left = x.row(r)[w]; left != 0; left &= left - 1)
        sums[64 * w + __builtin_ctzll(left)] += 1.0;
#endif
}

}  // namespace gibbslab::cpu::GIBBSLAB_ISA
