// The stand-in of cuBLAS against sums written out by hand.
#include <cublas_v2.h>

#include "cuda_bf16.h"
#include "emulator/library.h"
#include "tests/emulator/device_array.h"

namespace gibbslab {
namespace {

struct Handle {
  cublasHandle_t at = nullptr;
  Handle() { CHECK(cublasCreate(&at) == CUBLAS_STATUS_SUCCESS); }
  ~Handle() { cublasDestroy(at); }
};

// Column-major m x n with a leading dimension; whole numbers, so sums are exact.
std::vector<float> matrix(int leading, int columns, int salt) {
  std::vector<float> all(static_cast<size_t>(leading * columns));
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<float>((i * 7 + salt) % 11) - 5;
  return all;
}

float at(const std::vector<float>& m, int leading, bool transposed, int i, int j) {
  return transposed ? m[static_cast<size_t>(i * leading + j)]
                    : m[static_cast<size_t>(j * leading + i)];
}

void check_gemm(bool ta, bool tb, float beta) {
  const int m = 3, n = 4, k = 5, lda = 6, ldb = 7, ldc = 8;
  const auto a = matrix(lda, ta ? m : k, 1), b = matrix(ldb, tb ? k : n, 2), c = matrix(ldc, n, 3);
  DeviceArray<float> da(a), db(b), dc(c);
  Handle handle;
  const float alpha = 2;
  CHECK(cublasSgemm(handle.at, ta ? CUBLAS_OP_T : CUBLAS_OP_N, tb ? CUBLAS_OP_T : CUBLAS_OP_N, m, n,
                    k, &alpha, da.data(), lda, db.data(), ldb, &beta, dc.data(),
                    ldc) == CUBLAS_STATUS_SUCCESS);
  const auto got = dc.read();
  for (int i = 0; i < ldc; ++i)
    for (int j = 0; j < n; ++j) {
      float expected = at(c, ldc, false, i, j);
      if (i < m) {
        expected *= beta;
        for (int l = 0; l < k; ++l) expected += 2 * at(a, lda, ta, i, l) * at(b, ldb, tb, l, j);
      }
      CHECK(at(got, ldc, false, i, j) == expected);
    }
}

}  // namespace

TEST(sgemm) {
  for (const bool ta : {false, true})
    for (const bool tb : {false, true})
      for (const float beta : {0.0f, 3.0f}) check_gemm(ta, tb, beta);
}

TEST(beta_zero_does_not_read) {
  DeviceArray<float> a(std::vector<float>{2}), c(1);
  const float one = 1, zero = 0;
  Handle handle;
  CHECK(cublasSgemm(handle.at, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, a.data(), 1, a.data(), 1,
                    &zero, c.data(), 1) == CUBLAS_STATUS_SUCCESS);
  CHECK(c.read()[0] == 4);
}

TEST(batches_and_vectors) {
  DeviceArray<float> a(std::vector<float>{1, 2, 3, 4, 5, 6}), c(std::vector<float>(4, 0));
  const float one = 1, zero = 0;
  Handle handle;
  // Two products of 1 x 3 by 3 x 1.
  CHECK(cublasSgemmStridedBatched(handle.at, CUBLAS_OP_T, CUBLAS_OP_N, 1, 1, 3, &one, a.data(), 3,
                                  3, a.data(), 3, 3, &zero, c.data(), 1, 2,
                                  2) == CUBLAS_STATUS_SUCCESS);
  CHECK((c.read() == std::vector<float>{14, 0, 77, 0}));
  // A is 2 x 3: columns (1 2) (3 4) (5 6).
  DeviceArray<float> x(std::vector<float>{1, 9, 10, 9, 100}), y(std::vector<float>(2, 0));
  CHECK(cublasSgemv(handle.at, CUBLAS_OP_N, 2, 3, &one, a.data(), 2, x.data(), 2, &zero, y.data(),
                    1) == CUBLAS_STATUS_SUCCESS);
  CHECK((y.read() == std::vector<float>{531, 642}));
  CHECK(cublasSgemv(handle.at, CUBLAS_OP_T, 2, 2, &one, a.data(), 2, x.data(), 2, &zero, y.data(),
                    1) == CUBLAS_STATUS_SUCCESS);
  CHECK((y.read() == std::vector<float>{21, 43}));
}

TEST(other_types) {
  DeviceArray<int8_t> a(std::vector<int8_t>{-128, 127}), b(std::vector<int8_t>{-128, -1});
  DeviceArray<int> c(1);
  const int one = 1, zero = 0;
  Handle handle;
  CHECK(cublasGemmEx(handle.at, CUBLAS_OP_T, CUBLAS_OP_N, 1, 1, 2, &one, a.data(), CUDA_R_8I, 2,
                     b.data(), CUDA_R_8I, 2, &zero, c.data(), CUDA_R_32I, 1, CUBLAS_COMPUTE_32I,
                     CUBLAS_GEMM_DEFAULT) == CUBLAS_STATUS_SUCCESS);
  CHECK(c.read()[0] == 16384 - 127);
  DeviceArray<__nv_bfloat16> d(std::vector<__nv_bfloat16>{1.5f, -2.0f});
  DeviceArray<float> e(1);
  const float real_one = 1, real_zero = 0;
  CHECK(cublasGemmEx(handle.at, CUBLAS_OP_T, CUBLAS_OP_N, 1, 1, 2, &real_one, d.data(), CUDA_R_16BF,
                     2, d.data(), CUDA_R_16BF, 2, &real_zero, e.data(), CUDA_R_32F, 1,
                     CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT) == CUBLAS_STATUS_SUCCESS);
  CHECK(e.read()[0] == 6.25f);
}

TEST(wrong_products_are_refused) {
  DeviceArray<float> a(4);
  const float one = 1;
  Handle handle;
  const auto call = [&](int lda, const float* b) {
    return cublasSgemm(handle.at, CUBLAS_OP_N, CUBLAS_OP_N, 2, 2, 2, &one, a.data(), lda, b, 2,
                       &one, a.data(), 2);
  };
  CHECK(call(1, a.data()) == CUBLAS_STATUS_INVALID_VALUE);
  const float on_host[4] = {};
  CHECK(call(2, on_host) == CUBLAS_STATUS_EXECUTION_FAILED);
  CHECK(cudaDeviceSynchronize() == cudaErrorIllegalAddress);
  gibbslab_emulator_reset();
}

TEST(symbols_by_name) {
  CHECK(gibbslab_emulator_symbol("cublasSgemm_v2") == reinterpret_cast<void*>(&cublasSgemm_v2));
  CHECK(gibbslab_emulator_symbol("cublasNothing") == nullptr);
}

TEST(bfloat16_rounds_to_even) {
  CHECK(__bfloat16_as_ushort(__float2bfloat16(1.00390625f)) == 0x3F80);
  CHECK(__bfloat16_as_ushort(__float2bfloat16(1.01171875f)) == 0x3F82);
  CHECK(__bfloat162float(__float2bfloat16(-3.5f)) == -3.5f);
}

}  // namespace gibbslab
