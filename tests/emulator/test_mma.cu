// Tensor-core twins against plain matrix products through the documented layout of fragments, and
// the same with one fragment index swapped, which must not agree.
#include <bit>
#include <cmath>

#include "csrc/core/philox.h"
#include "tests/emulator/device_array.h"

namespace gibbslab {
namespace {

// What one lane holds of A (16 x K), B (K x 8), C (16 x 8); P elements per register.
template <class T>
__device__ unsigned pack(const T* at, int stride) {
  unsigned bits = 0;
  for (unsigned e = 0; e < 4 / sizeof(T); ++e) {
    using Bits = std::make_unsigned_t<T>;
    bits |= static_cast<unsigned>(static_cast<Bits>(at[e * stride])) << (8 * sizeof(T) * e);
  }
  return bits;
}

template <class T>
__device__ void load_fragments(const T* a, const T* b, unsigned (&fa)[4], unsigned (&fb)[2],
                               bool swapped) {
  const int lane = threadIdx.x, g = lane / 4, t = lane % 4, p = 4 / sizeof(T), depth = 8 * p;
  for (int r = 0; r < 4; ++r) {
    const int row = swapped ? r / 2 : r % 2, column = swapped ? r % 2 : r / 2;
    fa[r] = pack(a + (g + 8 * row) * depth + p * t + 4 * p * column, 1);
  }
  for (int r = 0; r < 2; ++r) fb[r] = pack(b + (p * t + 4 * p * r) * 8 + g, 8);
}

template <class Sum>
__device__ void store_sums(const Sum (&c)[4], Sum* out) {
  const int g = threadIdx.x / 4, t = threadIdx.x % 4;
  for (int i = 0; i < 4; ++i) out[(g + 8 * (i / 2)) * 8 + 2 * t + i % 2] = c[i];
}

template <class T, class Sum, class Multiply>
__device__ void product(const T* a, const T* b, Sum* out, bool swapped, Multiply multiply) {
  unsigned fa[4], fb[2];
  load_fragments(a, b, fa, fb, swapped);
  Sum c[4] = {Sum(1), Sum(1), Sum(1), Sum(1)};
  multiply(c, fa, fb);
  store_sums(c, out);
}

__global__ void product_bf16(const uint16_t* a, const uint16_t* b, float* out, bool swapped) {
  product(a, b, out, swapped, [](auto& c, auto& fa, auto& fb) { mma_bf16_16x8x16(c, fa, fb); });
}
__global__ void product_tf32(const uint32_t* a, const uint32_t* b, float* out, bool swapped) {
  product(a, b, out, swapped, [](auto& c, auto& fa, auto& fb) { mma_tf32_16x8x8(c, fa, fb); });
}
__global__ void product_s8(const int8_t* a, const int8_t* b, int* out, bool swapped) {
  product(a, b, out, swapped, [](auto& c, auto& fa, auto& fb) { mma_s8_16x8x32(c, fa, fb); });
}

// A by ldmatrix from row-major shared memory, B by ldmatrix_trans from row-major (K x 8).
__global__ void product_ldmatrix(const uint16_t* a, const uint16_t* b, float* out) {
  uint16_t* tile = dynamic_shared<uint16_t>();
  const int lane = threadIdx.x;
  for (int i = lane; i < 256; i += 32) tile[i] = a[i];
  for (int i = lane; i < 128; i += 32) tile[256 + i] = b[i];
  __syncwarp();
  unsigned fa[4], fb[2];
  ldmatrix_x4(fa, tile + (lane % 16) * 16 + lane / 16 * 8);
  ldmatrix_x2_trans(fb, tile + 256 + (lane % 16) * 8);
  float c[4] = {1, 1, 1, 1};
  mma_bf16_16x8x16(c, fa, fb);
  store_sums(c, out);
}

__global__ void misaligned_row() {
  unsigned to[4];
  ldmatrix_x4(to, dynamic_shared<char>() + 8 * threadIdx.x);
}

__global__ void half_a_warp(float* out) {
  unsigned a[4] = {}, b[2] = {};
  float c[4] = {};
  if (threadIdx.x < 16) mma_bf16_16x8x16(c, a, b);
  out[threadIdx.x] = c[0];
}

int small(size_t i) { return static_cast<int>(philox(i, 5, 6).w[0] % 15) - 7; }

// Small whole numbers: exact in every format, and so is every sum of their products.
template <class T, class Encode>
std::vector<T> numbers(size_t count, size_t first, Encode encode) {
  std::vector<T> all(count);
  for (size_t i = 0; i < count; ++i) all[i] = static_cast<T>(encode(small(first + i)));
  return all;
}

std::vector<double> plain_product(int depth) {
  std::vector<double> c(16 * 8, 1);
  for (int i = 0; i < 16; ++i)
    for (int j = 0; j < 8; ++j)
      for (int k = 0; k < depth; ++k)
        c[i * 8 + j] += small(i * depth + k) * small(1000 + k * 8 + j);
  return c;
}

template <class T>
bool equal(const std::vector<T>& got, const std::vector<double>& expected) {
  for (size_t i = 0; i < expected.size(); ++i)
    if (static_cast<double>(got[i]) != expected[i]) return false;
  return true;
}

uint32_t as_float(int x) { return std::bit_cast<uint32_t>(static_cast<float>(x)); }
uint32_t as_bf16(int x) { return as_float(x) >> 16; }
int as_is(int x) { return x; }

template <class T, class Sum, class Kernel, class Encode>
void check_product(Kernel kernel, Encode encode) {
  const int depth = 32 / sizeof(T);
  DeviceArray<T> a(numbers<T>(16 * depth, 0, encode)), b(numbers<T>(8 * depth, 1000, encode));
  DeviceArray<Sum> c(16 * 8);
  launch(kernel, 1, 32, 0, nullptr, a.data(), b.data(), c.data(), false);
  CHECK(equal(c.read(), plain_product(depth)));
  launch(kernel, 1, 32, 0, nullptr, a.data(), b.data(), c.data(), true);
  CHECK(!equal(c.read(), plain_product(depth)));
}

}  // namespace

TEST(bf16_fragments) { check_product<uint16_t, float>(product_bf16, as_bf16); }
TEST(tf32_fragments) { check_product<uint32_t, float>(product_tf32, as_float); }
TEST(s8_fragments) { check_product<int8_t, int>(product_s8, as_is); }

TEST(ldmatrix_feeds_the_product) {
  DeviceArray<uint16_t> a(numbers<uint16_t>(256, 0, as_bf16)),
      b(numbers<uint16_t>(128, 1000, as_bf16));
  DeviceArray<float> c(16 * 8);
  launch(product_ldmatrix, 1, 32, 768, nullptr, a.data(), b.data(), c.data());
  CHECK(equal(c.read(), plain_product(16)));
}

TEST(tf32_rounds_to_ten_bits) {
  CHECK(emulator::to_tf32(1.0f) == 0x3F800000u);
  CHECK(emulator::to_tf32(1.0f + 0x1p-11f) == 0x3F802000u);
  CHECK(emulator::to_tf32(1.0f + 0x1p-12f) == 0x3F800000u);
}

TEST(bf16_pairs_are_rounded_to_even) {
  CHECK(to_bf16x2(1.0f, -2.0f) == 0xC0003F80u);
  CHECK(to_bf16x2(1.0f + 0x1p-8f, 1.0f + 0x3p-8f) == 0x3F823F80u);
  CHECK((to_bf16x2(NAN, 0.0f) & 0xFFFFu) == 0x7FFFu);
}

TEST(wrong_tensor_calls_are_reported) {
  DeviceArray<float> out(32);
  expect_report({"misaligned_row", "ldmatrix"},
                [] { launch(misaligned_row, 1, 32, 512, nullptr); });
  expect_report({"half_a_warp", "mma"},
                [&] { launch(half_a_warp, 1, 32, 0, nullptr, out.data()); });
}

}  // namespace gibbslab
