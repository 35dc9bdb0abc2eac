// The device that the plug-in computes on: its stream, its memory, its BLAS.
//
// One stream for everything: operations are in order, and only what hands numbers to the host
// waits for it. Every family of operations (csrc/ops) has its file here; cuda_backend() lists them.
#pragma once

#include <cublas_v2.h>
#include <cuda_runtime.h>

#include <memory>
#include <string>
#include <vector>

#include "csrc/ops/backend.h"

namespace gibbslab::cuda {

cudaStream_t stream();

// While this thread records its work (replay.cu): what stands for the device's stream and its BLAS,
// and the blocks that the recording keeps.
struct Recorder {
  cudaStream_t stream{};
  cublasHandle_t blas{};
  std::vector<std::shared_ptr<void>> blocks;
};
// This thread's, null where it records nothing.
Recorder*& recorder();

// Compute capability times ten: 75 is Turing, 80 and 86 Ampere, 90 Hopper.
int architecture();
constexpr int kTensorCores = 80;  // has products of bf16, TF32 and int8
int multiprocessors();
// Most shared memory of a block, in bytes, once a kernel has asked for it.
int shared_memory_limit();

// The caching allocator: a block keeps its address while anything refers to it, and blocks given
// back serve later requests of their size in stream order.
Memory& device_memory();

// A device array of n values that lives until the work queued at its end is done.
template <class T>
class Scratch {
 public:
  explicit Scratch(int64_t n)
      : owner_(device_memory().allocate(n * static_cast<int64_t>(sizeof(T)))) {}
  T* get() const { return static_cast<T*>(owner_.get()); }

 private:
  std::shared_ptr<void> owner_;
};

// Rows that start at multiples of 16 bytes and hold whole groups of four, as the kernels read them.
inline Tensor aligned(const Tensor& x) { return x.padded() ? x : x.clone(); }
inline States aligned(const States& x) { return x.binary() ? x : States(aligned(x.dense())); }

// Copies n values to the host and waits for them.
template <class T>
void download(T* to, const T* from, int64_t n) {
  const int64_t bytes = n * static_cast<int64_t>(sizeof(T));
  device_memory().copy({to, bytes, from, bytes, bytes, 1, Transfer::kToHost});
}
// Copies n values to the device; `from` may be changed as soon as this returns.
template <class T>
void upload(T* to, const T* from, int64_t n) {
  const int64_t bytes = n * static_cast<int64_t>(sizeof(T));
  device_memory().copy({to, bytes, from, bytes, bytes, 1, Transfer::kFromHost});
}

// The functions of cuBLAS that are in use, found at run time.
struct Blas {
  decltype(&cublasCreate) create = nullptr;
  decltype(&cublasSetStream) set_stream = nullptr;
  decltype(&cublasSetWorkspace) set_workspace = nullptr;
  decltype(&cublasSgemm) sgemm = nullptr;
  cublasHandle_t handle = nullptr;
};
const Blas& blas();
// That which computes on stream().
cublasHandle_t blas_handle();

ElementwiseOps& elementwise_ops();
LinalgOps& linalg_ops();
RandomOps& random_ops();
SamplingOps& sampling_ops();
ReduceOps& reduce_ops();
OptimOps& optim_ops();
ChainOps& chain_ops();
UnitOps& unit_ops();
CdRunOps& cd_run_ops();
MeanFieldOps& mean_field_ops();
ArithmeticOps& arithmetic_ops();
DenseOps& dense_ops();
ConvOps& conv_ops();
NormOps& norm_ops();
UpsampleOps& upsample_ops();
LossOps& loss_ops();
DescentOps& descent_ops();
ReplayOps& replay_ops();

}  // namespace gibbslab::cuda
