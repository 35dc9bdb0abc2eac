// Products as cuBLAS defines them: C = alpha op(A) op(B) + beta C, column-major; plain loops.
#include <cublas_v2.h>

#include <bit>
#include <cstdlib>
#include <cstring>

#include "emulator/library.h"
#include "state.h"

using namespace gibbslab::emulator;

struct cublasContext {
  cudaStream_t stream = nullptr;
  cublasMath_t math = CUBLAS_DEFAULT_MATH;
  cublasPointerMode_t pointers = CUBLAS_POINTER_MODE_HOST;
};

namespace {

// One matrix of a product: op(M)(row, column), of any of the element types in use.
struct Matrix {
  const void* data;
  cudaDataType type;
  long long leading, stride;
  bool transposed;

  size_t index(long long row, long long column, long long batch) const {
    const long long at = transposed ? row * leading + column : column * leading + row;
    return static_cast<size_t>(batch * stride + at);
  }
  float real(size_t at) const {
    if (type == CUDA_R_32F) return static_cast<const float*>(data)[at];
    const uint32_t bits = static_cast<const uint16_t*>(data)[at];
    return std::bit_cast<float>(bits << 16);
  }
  int whole(size_t at) const { return static_cast<const int8_t*>(data)[at]; }
};

struct Product {
  Matrix a, b;
  void* c;
  long long m, n, k, ldc, stridec, batches;
  bool integers;
  bool read_scales;  // when it runs: they lie on the device
  const void *alpha_at, *beta_at;
  float alpha, beta;
  int whole_alpha, whole_beta;
};

void read_scales(Product& p) {
  if (p.integers) {
    p.whole_alpha = *static_cast<const int*>(p.alpha_at);
    p.whole_beta = *static_cast<const int*>(p.beta_at);
  } else {
    p.alpha = *static_cast<const float*>(p.alpha_at);
    p.beta = *static_cast<const float*>(p.beta_at);
  }
}

// beta = 0 means that C is not read, be it NaN.
void real_element(const Product& p, long long batch, long long i, long long j) {
  float sum = 0;
  for (long long k = 0; k < p.k; ++k)
    sum += p.a.real(p.a.index(i, k, batch)) * p.b.real(p.b.index(k, j, batch));
  float& to = static_cast<float*>(p.c)[batch * p.stridec + j * p.ldc + i];
  to = p.beta == 0 ? p.alpha * sum : p.alpha * sum + p.beta * to;
}

void whole_element(const Product& p, long long batch, long long i, long long j) {
  uint32_t sum = 0;
  for (long long k = 0; k < p.k; ++k)
    sum += static_cast<uint32_t>(p.a.whole(p.a.index(i, k, batch)) *
                                 p.b.whole(p.b.index(k, j, batch)));
  int& to = static_cast<int*>(p.c)[batch * p.stridec + j * p.ldc + i];
  const uint32_t scaled = static_cast<uint32_t>(p.whole_alpha) * sum;
  to = static_cast<int>(p.whole_beta == 0 ? scaled
                                          : scaled + static_cast<uint32_t>(p.whole_beta) *
                                                         static_cast<uint32_t>(to));
}

cudaError_t run(Product p) {
  if (p.read_scales) read_scales(p);
  for (long long batch = 0; batch < p.batches; ++batch)
    for (long long j = 0; j < p.n; ++j)
      for (long long i = 0; i < p.m; ++i)
        p.integers ? whole_element(p, batch, i, j) : real_element(p, batch, i, j);
  return cudaSuccess;
}

bool leading_is_right(const Matrix& matrix, long long rows, long long columns) {
  return matrix.leading >= (matrix.transposed ? columns : rows) && matrix.leading >= 1;
}

bool types_are_known(const Product& p, cudaDataType typec, cublasComputeType_t compute) {
  if (p.a.type != p.b.type) return false;
  if (compute == CUBLAS_COMPUTE_32I || compute == CUBLAS_COMPUTE_32I_PEDANTIC)
    return p.a.type == CUDA_R_8I && typec == CUDA_R_32I;
  return (p.a.type == CUDA_R_32F || p.a.type == CUDA_R_16BF) && typec == CUDA_R_32F;
}

bool on_device(const void* at) {
  const Allocation* found = find_allocation(at);
  return found && found->type == cudaMemoryTypeDevice;
}

cublasStatus_t status_of(cudaError_t error) {
  if (error == cudaSuccess) return CUBLAS_STATUS_SUCCESS;
  return error == cudaErrorMemoryAllocation ? CUBLAS_STATUS_ALLOC_FAILED
                                            : CUBLAS_STATUS_EXECUTION_FAILED;
}

cublasStatus_t multiply(cublasHandle_t handle, Product p, cudaDataType typec,
                        cublasComputeType_t compute) {
  if (!handle) return CUBLAS_STATUS_NOT_INITIALIZED;
  if (p.m < 0 || p.n < 0 || p.k < 0 || p.batches < 0 || !leading_is_right(p.a, p.m, p.k) ||
      !leading_is_right(p.b, p.k, p.n) || p.ldc < (p.m > 1 ? p.m : 1))
    return CUBLAS_STATUS_INVALID_VALUE;
  if (!types_are_known(p, typec, compute)) return CUBLAS_STATUS_NOT_SUPPORTED;
  if (p.m == 0 || p.n == 0 || p.batches == 0) return CUBLAS_STATUS_SUCCESS;
  p.integers = typec == CUDA_R_32I;
  p.read_scales = handle->pointers == CUBLAS_POINTER_MODE_DEVICE;
  if (!p.read_scales) read_scales(p);
  return status_of(call(Call::kBlas, [&] {
    const bool there = on_device(p.c) && (p.k == 0 || (on_device(p.a.data) && on_device(p.b.data)));
    if (const cudaError_t error = check_current(handle->stream); error != cudaSuccess) return error;
    return there ? submit(handle->stream, [p] { return run(p); }) : cudaErrorIllegalAddress;
  }));
}

}  // namespace

cublasStatus_t cublasCreate_v2(cublasHandle_t* handle) {
  *handle = nullptr;
  const cudaError_t error = call(Call::kBlas, [] { return cudaSuccess; });
  if (error != cudaSuccess) return CUBLAS_STATUS_NOT_INITIALIZED;
  *handle = new cublasContext;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy_v2(cublasHandle_t handle) {
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetVersion_v2(cublasHandle_t, int* version) {
  *version = CUBLAS_VERSION;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t stream) {
  handle->stream = stream;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetStream_v2(cublasHandle_t handle, cudaStream_t* stream) {
  *stream = handle->stream;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t, void* workspace, size_t) {
  return reinterpret_cast<uintptr_t>(workspace) % 256 ? CUBLAS_STATUS_INVALID_VALUE
                                                      : CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode) {
  handle->math = mode;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetMathMode(cublasHandle_t handle, cublasMath_t* mode) {
  *mode = handle->math;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetPointerMode_v2(cublasHandle_t handle, cublasPointerMode_t mode) {
  handle->pointers = mode;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetAtomicsMode(cublasHandle_t, cublasAtomicsMode_t) {
  return CUBLAS_STATUS_SUCCESS;
}

const char* cublasGetStatusName(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS:
      return "CUBLAS_STATUS_SUCCESS";
    case CUBLAS_STATUS_NOT_INITIALIZED:
      return "CUBLAS_STATUS_NOT_INITIALIZED";
    case CUBLAS_STATUS_ALLOC_FAILED:
      return "CUBLAS_STATUS_ALLOC_FAILED";
    case CUBLAS_STATUS_INVALID_VALUE:
      return "CUBLAS_STATUS_INVALID_VALUE";
    case CUBLAS_STATUS_EXECUTION_FAILED:
      return "CUBLAS_STATUS_EXECUTION_FAILED";
    case CUBLAS_STATUS_NOT_SUPPORTED:
      return "CUBLAS_STATUS_NOT_SUPPORTED";
    default:
      return "CUBLAS_STATUS_INTERNAL_ERROR";
  }
}

const char* cublasGetStatusString(cublasStatus_t status) { return cublasGetStatusName(status); }

cublasStatus_t cublasGemmStridedBatchedEx(
    cublasHandle_t handle, cublasOperation_t transa, cublasOperation_t transb, int m, int n, int k,
    const void* alpha, const void* a, cudaDataType typea, int lda, long long stridea, const void* b,
    cudaDataType typeb, int ldb, long long strideb, const void* beta, void* c, cudaDataType typec,
    int ldc, long long stridec, int batches, cublasComputeType_t compute, cublasGemmAlgo_t) {
  Product p{};
  p.a = {a, typea, lda, stridea, transa != CUBLAS_OP_N};
  p.b = {b, typeb, ldb, strideb, transb != CUBLAS_OP_N};
  p.c = c;
  p.m = m, p.n = n, p.k = k, p.ldc = ldc, p.stridec = stridec, p.batches = batches;
  p.alpha_at = alpha, p.beta_at = beta;
  return multiply(handle, p, typec, compute);
}

cublasStatus_t cublasGemmEx(cublasHandle_t handle, cublasOperation_t transa,
                            cublasOperation_t transb, int m, int n, int k, const void* alpha,
                            const void* a, cudaDataType typea, int lda, const void* b,
                            cudaDataType typeb, int ldb, const void* beta, void* c,
                            cudaDataType typec, int ldc, cublasComputeType_t compute,
                            cublasGemmAlgo_t algorithm) {
  return cublasGemmStridedBatchedEx(handle, transa, transb, m, n, k, alpha, a, typea, lda, 0, b,
                                    typeb, ldb, 0, beta, c, typec, ldc, 0, 1, compute, algorithm);
}

cublasStatus_t cublasSgemmStridedBatched(cublasHandle_t handle, cublasOperation_t transa,
                                         cublasOperation_t transb, int m, int n, int k,
                                         const float* alpha, const float* a, int lda,
                                         long long stridea, const float* b, int ldb,
                                         long long strideb, const float* beta, float* c, int ldc,
                                         long long stridec, int batches) {
  return cublasGemmStridedBatchedEx(handle, transa, transb, m, n, k, alpha, a, CUDA_R_32F, lda,
                                    stridea, b, CUDA_R_32F, ldb, strideb, beta, c, CUDA_R_32F, ldc,
                                    stridec, batches, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT);
}

cublasStatus_t cublasSgemm_v2(cublasHandle_t handle, cublasOperation_t transa,
                              cublasOperation_t transb, int m, int n, int k, const float* alpha,
                              const float* a, int lda, const float* b, int ldb, const float* beta,
                              float* c, int ldc) {
  return cublasSgemmStridedBatched(handle, transa, transb, m, n, k, alpha, a, lda, 0, b, ldb, 0,
                                   beta, c, ldc, 0, 1);
}

// y = alpha op(A) x + beta y, as a product with one column; rows of strided vectors are columns.
cublasStatus_t cublasSgemv_v2(cublasHandle_t handle, cublasOperation_t trans, int m, int n,
                              const float* alpha, const float* a, int lda, const float* x, int incx,
                              const float* beta, float* y, int incy) {
  if (incx < 1 || incy < 1) return CUBLAS_STATUS_NOT_SUPPORTED;
  const int rows = trans == CUBLAS_OP_N ? m : n, columns = trans == CUBLAS_OP_N ? n : m;
  // y' = x' op(A)': 1 x columns by columns x rows, each vector a row with its increment.
  return cublasSgemm_v2(handle, CUBLAS_OP_N, trans == CUBLAS_OP_N ? CUBLAS_OP_T : CUBLAS_OP_N, 1,
                        rows, columns, alpha, x, incx, a, lda, beta, y, incy);
}

void* gibbslab_emulator_symbol(const char* name) {
  static const struct {
    const char* name;
    void* at;
  } table[] = {
#define GIBBSLAB_SYMBOL(f) {#f, reinterpret_cast<void*>(&f)}
      GIBBSLAB_SYMBOL(cublasCreate_v2),
      GIBBSLAB_SYMBOL(cublasDestroy_v2),
      GIBBSLAB_SYMBOL(cublasGetVersion_v2),
      GIBBSLAB_SYMBOL(cublasSetStream_v2),
      GIBBSLAB_SYMBOL(cublasGetStream_v2),
      GIBBSLAB_SYMBOL(cublasSetWorkspace_v2),
      GIBBSLAB_SYMBOL(cublasSetMathMode),
      GIBBSLAB_SYMBOL(cublasGetMathMode),
      GIBBSLAB_SYMBOL(cublasSetPointerMode_v2),
      GIBBSLAB_SYMBOL(cublasSetAtomicsMode),
      GIBBSLAB_SYMBOL(cublasGetStatusName),
      GIBBSLAB_SYMBOL(cublasGetStatusString),
      GIBBSLAB_SYMBOL(cublasSgemm_v2),
      GIBBSLAB_SYMBOL(cublasSgemmStridedBatched),
      GIBBSLAB_SYMBOL(cublasGemmEx),
      GIBBSLAB_SYMBOL(cublasGemmStridedBatchedEx),
      GIBBSLAB_SYMBOL(cublasSgemv_v2),
#undef GIBBSLAB_SYMBOL
  };
  if (std::getenv("GIBBSLAB_EMULATOR_NO_CUBLAS")) return nullptr;
  for (const auto& entry : table)
    if (!std::strcmp(entry.name, name)) return entry.at;
  return nullptr;
}
