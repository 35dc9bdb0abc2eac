// The way in: finds a card that serves, or says in one sentence why there is none.
#include <cstdio>
#include <cstring>
#include <string>

#include "csrc/core/error.h"
#include "csrc/core/interrupt.h"
#include "csrc/core/plugin.h"
#include "kernels/check.cuh"
#include "kernels/device.cuh"
#include "kernels/library.cuh"
#include "kernels/our_device.cuh"

namespace gibbslab {
namespace cuda {
namespace {

constexpr int kLeastArchitecture = 75;

struct Device {
  cudaDeviceProp properties{};
  cudaStream_t stream{};
  Blas blas;
};

Device& device() {
  static Device* d = new Device();
  return *d;
}

std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

// An empty string when the driver and a card serve.
std::string without_card() {
  int driver = 0, runtime = 0, count = 0;
  cudaRuntimeGetVersion(&runtime);
  if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0)
    return "no NVIDIA driver was found";
  if (driver / 1000 < runtime / 1000)
    return "the NVIDIA driver supports CUDA " + version_text(driver) + ", and " +
           version_text(runtime / 1000 * 1000) + " or later is needed: update the driver";
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess || count == 0) {
    const bool plain = error == cudaSuccess || error == cudaErrorNoDevice;
    return std::string("no CUDA device was found") +
           (plain ? "" : std::string(": ") + cudaGetErrorString(error));
  }
  check(cudaGetDeviceProperties(&device().properties, kOurDevice), "cudaGetDeviceProperties");
  if (architecture() < kLeastArchitecture)
    return std::string("the card '") + device().properties.name + "' has compute capability " +
           std::to_string(device().properties.major) + "." +
           std::to_string(device().properties.minor) + ", and 7.5 or later is needed";
  return "";
}

std::string without_blas() {
  Blas& b = device().blas;
  void* library = open_library({"libcublas.so.13", "libcublas.so.12", "libcublas.so"});
  b.create = GIBBSLAB_LIBRARY_FUNCTION(library, cublasCreate);
  b.set_stream = GIBBSLAB_LIBRARY_FUNCTION(library, cublasSetStream);
  b.set_workspace = GIBBSLAB_LIBRARY_FUNCTION(library, cublasSetWorkspace);
  b.sgemm = GIBBSLAB_LIBRARY_FUNCTION(library, cublasSgemm);
  if (b.create == nullptr || b.set_stream == nullptr || b.set_workspace == nullptr ||
      b.sgemm == nullptr)
    return "cuBLAS was not found: pip install 'gibbslab[cuda13]'";
  if (b.create(&b.handle) != CUBLAS_STATUS_SUCCESS) return "cuBLAS could not be started";
  b.set_stream(b.handle, device().stream);
  return "";
}

std::string describe() {
  const cudaDeviceProp& p = device().properties;
  return std::string(p.name) + ", compute capability " + std::to_string(p.major) + "." +
         std::to_string(p.minor) + ", " + std::to_string(p.totalGlobalMem >> 20) + " MiB";
}

std::string open_device() {
  if (std::string why = without_card(); !why.empty()) return why;
  const OnOurDevice here;
  check(cudaStreamCreateWithFlags(&device().stream, cudaStreamNonBlocking), "cudaStreamCreate");
  return without_blas();
}

Backend& backend() {
  static Backend table{"cuda",           device_memory(),  describe,       elementwise_ops(),
                       linalg_ops(),     random_ops(),     sampling_ops(), reduce_ops(),
                       optim_ops(),      chain_ops(),      unit_ops(),     cd_run_ops(),
                       mean_field_ops(), arithmetic_ops(), dense_ops(),    conv_ops(),
                       norm_ops(),       upsample_ops(),   loss_ops(),     descent_ops(),
                       replay_ops()};
  return table;
}

}  // namespace

Recorder*& recorder() {
  static thread_local Recorder* here = nullptr;
  return here;
}
cudaStream_t stream() {
  const Recorder* recording = recorder();
  return recording != nullptr ? recording->stream : device().stream;
}
int architecture() { return device().properties.major * 10 + device().properties.minor; }
int multiprocessors() { return device().properties.multiProcessorCount; }
int shared_memory_limit() { return static_cast<int>(device().properties.sharedMemPerBlockOptin); }
const Blas& blas() { return device().blas; }
cublasHandle_t blas_handle() {
  const Recorder* recording = recorder();
  return recording != nullptr ? recording->blas : device().blas.handle;
}

}  // namespace cuda

extern "C" __attribute__((visibility("default"))) Backend* gibbslab_plugin(const char* version,
                                                                           InterruptHook poll,
                                                                           char* why, int size) {
  std::string reason;
  if (std::strcmp(version, GIBBSLAB_VERSION) != 0)
    reason = std::string("the plug-in is of version ") + GIBBSLAB_VERSION + ", gibbslab of " +
             version + ": reinstall";
  try {
    if (reason.empty()) reason = cuda::open_device();
  } catch (const std::exception& error) {
    reason = error.what();
  }
  std::snprintf(why, static_cast<size_t>(size), "%s", reason.c_str());
  if (!reason.empty()) return nullptr;
  set_interrupt_hook(poll);
  return &cuda::backend();
}

}  // namespace gibbslab
