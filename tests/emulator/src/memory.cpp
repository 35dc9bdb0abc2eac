// Device and pinned memory: exactly sized host memory, filled with NaNs.
#include <cstdlib>
#include <cstring>

#include "state.h"

using namespace gibbslab::emulator;

namespace {

constexpr size_t kAlignment = 256;

void* allocate(size_t bytes, cudaMemoryType type) {
  void* at = nullptr;
  if (posix_memalign(&at, kAlignment, bytes)) return nullptr;
  std::memset(at, 0xFF, bytes);
  state().allocations[static_cast<std::byte*>(at)] = {bytes, type, false, current_device()};
  if (type == cudaMemoryTypeDevice) state().allocated += bytes;
  return at;
}

cudaError_t allocate_device(void** at, size_t bytes) {
  const State& all = state();
  *at = nullptr;
  if (bytes == 0) return cudaSuccess;
  if (bytes > all.settings.memory || all.allocated > all.settings.memory - bytes)
    return cudaErrorMemoryAllocation;
  *at = allocate(bytes, cudaMemoryTypeDevice);
  return *at ? cudaSuccess : cudaErrorMemoryAllocation;
}

cudaError_t release(void* at, cudaMemoryType type) {
  if (!at) return cudaSuccess;
  State& all = state();
  const auto found = all.allocations.find(static_cast<std::byte*>(at));
  if (found == all.allocations.end() || found->second.type != type || found->second.registered)
    return cudaErrorInvalidValue;
  if (type == cudaMemoryTypeDevice) all.allocated -= found->second.bytes;
  std::memset(at, 0xFF, found->second.bytes);
  all.allocations.erase(found);
  std::free(at);
  return cudaSuccess;
}

// On a lost device the call fails, and the memory is gone all the same.
cudaError_t release_always(Call kind, void* at, cudaMemoryType type) {
  const std::lock_guard lock(state().mutex);
  const bool lost = usable() != cudaSuccess;
  const cudaError_t error = call(kind, [&] {
    cudaError_t error = at ? forbidden_in_capture() : cudaSuccess;
    if (error == cudaSuccess) error = drain_all();  // memory is not taken from work that uses it
    return error != cudaSuccess ? error : release(at, type);
  });
  if (lost) release(at, type);
  return error;
}

}  // namespace

cudaError_t cudaMalloc(void** at, size_t bytes) {
  return call(Call::kMalloc, [&] {
    const cudaError_t forbidden = forbidden_in_capture();
    return forbidden != cudaSuccess ? forbidden : allocate_device(at, bytes);
  });
}

cudaError_t cudaFree(void* at) { return release_always(Call::kFree, at, cudaMemoryTypeDevice); }

// On the device these two may be captured as memory nodes; here they may not.
cudaError_t cudaMallocAsync(void** at, size_t bytes, cudaStream_t) { return cudaMalloc(at, bytes); }
cudaError_t cudaFreeAsync(void* at, cudaStream_t) { return cudaFree(at); }

cudaError_t cudaHostAlloc(void** at, size_t bytes, unsigned) {
  return call(Call::kHost, [&] {
    *at = nullptr;
    const cudaError_t forbidden = forbidden_in_capture();
    if (forbidden != cudaSuccess || bytes == 0) return forbidden;
    *at = allocate(bytes, cudaMemoryTypeHost);
    return *at ? cudaSuccess : cudaErrorMemoryAllocation;
  });
}

cudaError_t cudaMallocHost(void** at, size_t bytes) { return cudaHostAlloc(at, bytes, 0); }

cudaError_t cudaFreeHost(void* at) { return release_always(Call::kFree, at, cudaMemoryTypeHost); }

cudaError_t cudaHostRegister(void* at, size_t bytes, unsigned) {
  return call(Call::kHost, [&] {
    if (!at || bytes == 0) return cudaErrorInvalidValue;
    if (find_allocation(at)) return cudaErrorHostMemoryAlreadyRegistered;
    state().allocations[static_cast<std::byte*>(at)] = {bytes, cudaMemoryTypeHost, true};
    return cudaSuccess;
  });
}

cudaError_t cudaHostUnregister(void* at) {
  const std::lock_guard lock(state().mutex);
  auto& all = state().allocations;
  const auto found = all.find(static_cast<std::byte*>(at));
  const bool ours = found != all.end() && found->second.registered;
  drain_all();
  if (ours) all.erase(found);
  return call(Call::kFree, [&] { return ours ? cudaSuccess : cudaErrorHostMemoryNotRegistered; });
}

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  return call(Call::kQuery, [&] {
    const State& all = state();
    *total = all.settings.memory;
    *free = all.allocated < *total ? *total - all.allocated : 0;
    return cudaSuccess;
  });
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* at) {
  return call(Call::kQuery, [&] {
    const Allocation* found = find_allocation(at);
    auto* plain = const_cast<void*>(at);
    *attributes = {found ? found->type : cudaMemoryTypeUnregistered, found ? found->device : -2,
                   found ? plain : nullptr,
                   found && found->type == cudaMemoryTypeHost ? plain : nullptr};
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t* pool, int) {
  return call(Call::kQuery, [&] {
    *pool = reinterpret_cast<cudaMemPool_t>(&state());
    return cudaSuccess;
  });
}

cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t, cudaMemPoolAttr, void*) {
  return call(Call::kQuery, [] { return cudaSuccess; });
}

cudaError_t cudaMemPoolTrimTo(cudaMemPool_t, size_t) {
  return call(Call::kQuery, [] { return cudaSuccess; });
}
