// Dense products by cuBLAS, and the transposition of a float matrix.
//
// transpose: out[c, r] = x[r, c]. A block of 32 x 8 threads owns a tile of 32 x 32; it reads rows
// and writes rows, through shared memory whose odd pitch spreads a column over all banks.
#include "csrc/core/faults.h"
#include "kernels/check.cuh"
#include "kernels/device.cuh"
#include "kernels/launch.cuh"
#include "kernels/our_device.cuh"

namespace gibbslab::cuda {
namespace {

// ----------------------------------------------------------------------------- kernels

constexpr int kTile = 32, kTileRows = 8;

__global__ void __launch_bounds__(kTile* kTileRows)
    transpose_kernel(const float* x, int64_t x_stride, int64_t rows, int64_t cols, float* out,
                     int64_t out_stride) {
  __shared__ float tile[kTile][kTile + 1];
  const int64_t row = int64_t{blockIdx.y} * kTile, col = int64_t{blockIdx.x} * kTile;
  for (int i = threadIdx.y; i < kTile; i += kTileRows)
    if (row + i < rows && col + threadIdx.x < cols)
      tile[i][threadIdx.x] = x[(row + i) * x_stride + col + threadIdx.x];
  if (!fault("kernel_transpose_without_barrier")) __syncthreads();
  for (int i = threadIdx.y; i < kTile; i += kTileRows)
    if (col + i < cols && row + threadIdx.x < rows)
      out[(col + i) * out_stride + row + threadIdx.x] = tile[threadIdx.x][i];
}

// --------------------------------------------------------------------------- launchers

unsigned tiles(int64_t n) { return static_cast<unsigned>((n + kTile - 1) / kTile); }

void check_blas(cublasStatus_t status, const char* what) {
  if (status != CUBLAS_STATUS_SUCCESS)
    throw DeviceError(std::string("[cuda] ") + what + " failed with status " +
                      std::to_string(static_cast<int>(status)));
}

struct CudaLinalg : LinalgOps {
  // cuBLAS is column-major: it computes out^T = op(b)^T op(a)^T on the same memory.
  void matmul(const Context&, const Tensor& a, bool ta, const Tensor& b, bool tb, float alpha,
              float beta, Tensor& out) override {
    const int64_t k = ta ? a.rows() : a.cols();
    if (out.rows() == 0 || out.cols() == 0) return;
    const auto op = [](bool t) { return t ? CUBLAS_OP_T : CUBLAS_OP_N; };
    const auto size = [](int64_t n) { return static_cast<int>(n); };
    const OnOurDevice here;
    check_blas(blas().sgemm(blas_handle(), op(tb), op(ta), size(out.cols()), size(out.rows()),
                            size(k), &alpha, b.data(), size(b.stride()), a.data(), size(a.stride()),
                            &beta, out.data(), size(out.stride())),
               "cublasSgemm");
  }

  void transpose(const Context&, const Tensor& x, Tensor& out) override {
    launch(transpose_kernel, dim3(tiles(x.cols()), tiles(x.rows())), dim3(kTile, kTileRows), 0,
           stream(), x.data(), x.stride(), x.rows(), x.cols(), out.data(), out.stride());
  }
};

}  // namespace

LinalgOps& linalg_ops() {
  static CudaLinalg ops;
  return ops;
}

}  // namespace gibbslab::cuda
