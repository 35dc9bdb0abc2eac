// The imitated card: count, properties, attributes, versions.
#include <cstdio>
#include <cstring>

#include "emulator/control.h"
#include "state.h"

using namespace gibbslab::emulator;

namespace {

constexpr size_t kSharedPerBlock = 48 * 1024, kSharedOptIn = 227 * 1024,
                 kSharedPerProcessor = 228 * 1024;

thread_local int current = 0;

cudaError_t check_device(int device) {
  return device >= 0 && device < state().settings.devices ? cudaSuccess : cudaErrorInvalidDevice;
}

void fill(cudaDeviceProp& p) {
  const Settings& s = state().settings;
  p = {};
  std::snprintf(p.name, sizeof(p.name), "gibbslab emulated device");
  p.totalGlobalMem = s.memory;
  p.sharedMemPerBlock = kSharedPerBlock;
  p.regsPerBlock = p.regsPerMultiprocessor = 65536;
  p.warpSize = 32;
  p.maxThreadsPerBlock = p.maxThreadsDim[0] = p.maxThreadsDim[1] = 1024;
  p.maxThreadsDim[2] = 64;
  p.maxGridSize[0] = 0x7FFFFFFF;
  p.maxGridSize[1] = p.maxGridSize[2] = 65535;
  p.totalConstMem = 65536;
  p.major = s.compute_capability / 10;
  p.minor = s.compute_capability % 10;
  p.multiProcessorCount = s.multiprocessors;
  p.canMapHostMemory = p.concurrentKernels = p.asyncEngineCount = p.unifiedAddressing = 1;
  p.memoryBusWidth = 64;
  p.l2CacheSize = 1 << 20;
  p.maxThreadsPerMultiProcessor = 2048;
  p.sharedMemPerMultiprocessor = kSharedPerProcessor;
  p.cooperativeLaunch = p.hostRegisterSupported = p.memoryPoolsSupported = 1;
  p.sharedMemPerBlockOptin = kSharedOptIn;
  p.maxBlocksPerMultiProcessor = 32;
  p.reservedSharedMemPerBlock = 1024;
  p.clusterLaunch = s.compute_capability >= 90;
}

int attribute_of(const cudaDeviceProp& p, cudaDeviceAttr attribute) {
  switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock:
      return p.maxThreadsPerBlock;
    case cudaDevAttrMaxSharedMemoryPerBlock:
      return static_cast<int>(p.sharedMemPerBlock);
    case cudaDevAttrWarpSize:
      return p.warpSize;
    case cudaDevAttrMultiProcessorCount:
      return p.multiProcessorCount;
    case cudaDevAttrL2CacheSize:
      return p.l2CacheSize;
    case cudaDevAttrMaxThreadsPerMultiProcessor:
      return p.maxThreadsPerMultiProcessor;
    case cudaDevAttrUnifiedAddressing:
      return p.unifiedAddressing;
    case cudaDevAttrComputeCapabilityMajor:
      return p.major;
    case cudaDevAttrComputeCapabilityMinor:
      return p.minor;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
      return static_cast<int>(p.sharedMemPerMultiprocessor);
    case cudaDevAttrCooperativeLaunch:
      return p.cooperativeLaunch;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      return static_cast<int>(p.sharedMemPerBlockOptin);
    case cudaDevAttrMemoryPoolsSupported:
      return p.memoryPoolsSupported;
    case cudaDevAttrClusterLaunch:
      return p.clusterLaunch;
  }
  return -1;
}

}  // namespace

int gibbslab::emulator::current_device() { return current; }

cudaError_t gibbslab::emulator::check_current(cudaStream_t stream) {
  return is_default(stream) || stream->device == current ? cudaSuccess
                                                         : cudaErrorInvalidResourceHandle;
}

cudaError_t cudaGetDeviceCount(int* count) {
  const std::lock_guard lock(state().mutex);
  *count = 0;
  const cudaError_t error = usable();
  if (error == cudaErrorInsufficientDriver || error == cudaErrorNoDevice) return note(error);
  *count = state().settings.devices;
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  return call(Call::kQuery, [&] {
    const cudaError_t error = check_device(device);
    if (error == cudaSuccess) current = device;
    return error;
  });
}

cudaError_t cudaGetDevice(int* device) {
  return call(Call::kQuery, [&] {
    *device = current;
    return cudaSuccess;
  });
}

void gibbslab_emulator_set_current(int device) { cudaSetDevice(device); }
int gibbslab_emulator_current() { return current; }

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  return call(Call::kQuery, [&] {
    fill(*properties);
    return check_device(device);
  });
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  return call(Call::kQuery, [&] {
    cudaDeviceProp properties;
    fill(properties);
    *value = attribute_of(properties, attribute);
    return *value < 0 ? cudaErrorInvalidValue : check_device(device);
  });
}

cudaError_t cudaDriverGetVersion(int* version) {
  *version = state().settings.driver;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize() {
  return call(Call::kSync, [] {
    const cudaError_t forbidden = forbidden_in_capture();
    return forbidden == cudaSuccess ? drain_all() : forbidden;
  });
}

// A lost device stays lost until the process ends, as it does on the real one.
cudaError_t cudaDeviceReset() {
  return call(Call::kSync, [] { return cudaSuccess; });
}
