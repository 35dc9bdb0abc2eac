// Every CUDA call is checked: a failure names the call, the error and what the runtime says of it.
#pragma once

#include <cuda_runtime.h>

#include <string>

#include "csrc/core/error.h"

namespace gibbslab {

// Out of device memory, from any call but the allocator's own cudaMalloc (memory.cu).
struct DeviceMemoryError : DeviceError {
  using DeviceError::DeviceError;
};

// After such an error every further call of the process fails: the device is lost to it.
inline bool is_lost(cudaError_t error) {
  switch (error) {
    case cudaErrorECCUncorrectable:
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchTimeout:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorLaunchFailure:
    case cudaErrorUnknown:
      return true;
    default:
      return false;
  }
}

inline std::string describe(cudaError_t error, const std::string& what) {
  std::string text = "[cuda] " + what + " failed: " + cudaGetErrorName(error) + " (" +
                     cudaGetErrorString(error) + ")";
  if (is_lost(error)) text += "; the device is lost to this process, models on the CPU still work";
  return text;
}

[[noreturn]] inline void throw_cuda_error(cudaError_t error, const std::string& what) {
  cudaGetLastError();  // an error that is not sticky must not be met again by the next call
  if (error == cudaErrorMemoryAllocation) throw DeviceMemoryError(describe(error, what));
  throw DeviceError(describe(error, what));
}

inline void check(cudaError_t error, const char* what) {
  if (error != cudaSuccess) throw_cuda_error(error, what);
}

}  // namespace gibbslab
