// cudaLaunchKernelEx and the templates over kernels' types.
#pragma once

#include <tuple>
#include <utility>

#include "cuda_runtime_api.h"
#include "emulator/engine.h"

namespace gibbslab::emulator {
cudaError_t launch(const cudaLaunchConfig_t& config, const void* function,
                   std::function<void()> body);
}

template <class... P, class... A>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(P...),
                               A&&... args) {
  std::tuple<std::remove_cv_t<P>...> values(static_cast<P>(std::forward<A>(args))...);
  return gibbslab::emulator::launch(*config, reinterpret_cast<const void*>(kernel),
                                    [kernel, values] { std::apply(kernel, values); });
}

template <class K>
cudaError_t cudaFuncSetAttribute(K* kernel, cudaFuncAttribute attribute, int value) {
  return cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), attribute, value);
}
template <class K>
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, K* kernel) {
  return cudaFuncGetAttributes(attributes, reinterpret_cast<const void*>(kernel));
}
template <class K>
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, K* kernel, int threads,
                                                          size_t shared) {
  return cudaOccupancyMaxActiveBlocksPerMultiprocessor(
      blocks, reinterpret_cast<const void*>(kernel), threads, shared);
}
template <class K>
cudaError_t cudaOccupancyMaxActiveClusters(int* clusters, K* kernel,
                                           const cudaLaunchConfig_t* config) {
  return cudaOccupancyMaxActiveClusters(clusters, reinterpret_cast<const void*>(kernel), config);
}
template <class T>
cudaError_t cudaMemcpyToSymbol(T& symbol, const void* from, size_t bytes, size_t offset = 0,
                               cudaMemcpyKind kind = cudaMemcpyHostToDevice) {
  return cudaMemcpyToSymbol(static_cast<const void*>(&symbol), from, bytes, offset, kind);
}
template <class T>
cudaError_t cudaMalloc(T** at, size_t bytes) {
  return cudaMalloc(reinterpret_cast<void**>(at), bytes);
}
template <class T>
cudaError_t cudaMallocHost(T** at, size_t bytes, unsigned flags = 0) {
  return cudaHostAlloc(reinterpret_cast<void**>(at), bytes, flags);
}
template <class T>
cudaError_t cudaMallocAsync(T** at, size_t bytes, cudaStream_t stream) {
  return cudaMallocAsync(reinterpret_cast<void**>(at), bytes, stream);
}
