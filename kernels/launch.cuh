// The one way to start a kernel: checked, never for an empty grid, with more than 48 KiB of shared
// memory where asked.
#pragma once

#include <cuda_runtime.h>

#include <array>
#include <cstddef>
#include <utility>

#include "kernels/our_device.cuh"

namespace gibbslab {

// Kernels get this much dynamic shared memory without asking, less what they declare statically.
constexpr size_t kSharedWithoutAsking = 32 * 1024;
constexpr unsigned kPortableCluster = 8;

inline std::string launch_name(const void* kernel) {
  const char* name = nullptr;
  if (cudaFuncGetName(&name, kernel) != cudaSuccess || !name) name = "a kernel";
  return std::string("launch of ") + name;
}

inline void check_launch(cudaError_t error, const void* kernel) {
  if (error != cudaSuccess) throw_cuda_error(error, launch_name(kernel));
}

inline bool is_empty(const dim3& grid) { return grid.x == 0 || grid.y == 0 || grid.z == 0; }

// A launch that is being put together: shape, stream and attributes.
class LaunchPlan {
 public:
  LaunchPlan(dim3 grid, dim3 block, size_t shared, cudaStream_t stream) {
    config_.gridDim = grid;
    config_.blockDim = block;
    config_.dynamicSmemBytes = shared;
    config_.stream = stream;
  }

  LaunchPlan& cluster(dim3 size) {
    cudaLaunchAttribute& attribute = add(cudaLaunchAttributeClusterDimension);
    attribute.val.clusterDim.x = size.x;
    attribute.val.clusterDim.y = size.y;
    attribute.val.clusterDim.z = size.z;
    large_cluster_ = size.x * size.y * size.z > kPortableCluster;
    return *this;
  }
  LaunchPlan& cooperative() {
    add(cudaLaunchAttributeCooperative).val.cooperative = 1;
    return *this;
  }
  // The kernel may start while the one before it in the stream still runs (Hopper and newer).
  LaunchPlan& dependent() {
    add(cudaLaunchAttributeProgrammaticStreamSerialization)
        .val.programmaticStreamSerializationAllowed = 1;
    return *this;
  }

  template <class... P, class... A>
  void run(void (*kernel)(P...), A&&... args) {
    if (is_empty(config_.gridDim)) return;
    const void* function = reinterpret_cast<const void*>(kernel);
    const OnOurDevice here;
    prepare(function);
    check_launch(cudaLaunchKernelEx(&config_, kernel, std::forward<A>(args)...), function);
  }

  // How many of its clusters the device holds at once; 0 where it has none of this shape.
  int clusters_at_once(const void* function) {
    const OnOurDevice here;
    prepare(function);
    int clusters = 0;
    if (cudaOccupancyMaxActiveClusters(&clusters, function, &config_) == cudaSuccess)
      return clusters;
    cudaGetLastError();
    return 0;
  }

 private:
  void prepare(const void* function) {
    if (config_.dynamicSmemBytes > kSharedWithoutAsking)
      check_launch(cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                        static_cast<int>(config_.dynamicSmemBytes)),
                   function);
    if (large_cluster_)
      check_launch(
          cudaFuncSetAttribute(function, cudaFuncAttributeNonPortableClusterSizeAllowed, 1),
          function);
    config_.attrs = attributes_.data();
  }

  cudaLaunchAttribute& add(cudaLaunchAttributeID id) {
    cudaLaunchAttribute& attribute = attributes_[config_.numAttrs++];
    attribute.id = id;
    return attribute;
  }

  cudaLaunchConfig_t config_{};
  std::array<cudaLaunchAttribute, 3> attributes_{};
  bool large_cluster_ = false;
};

template <class... P, class... A>
void launch(void (*kernel)(P...), dim3 grid, dim3 block, size_t shared, cudaStream_t stream,
            A&&... args) {
  LaunchPlan(grid, block, shared, stream).run(kernel, std::forward<A>(args)...);
}

// Clusters of `cluster` blocks share their memory; the grid is a multiple of it (sm_90 and newer).
template <class... P, class... A>
void launch_cluster(void (*kernel)(P...), dim3 grid, dim3 block, dim3 cluster, size_t shared,
                    cudaStream_t stream, A&&... args) {
  LaunchPlan(grid, block, shared, stream).cluster(cluster).run(kernel, std::forward<A>(args)...);
}

// All blocks are resident at once, so that grid_sync() may be used.
template <class... P, class... A>
void launch_cooperative(void (*kernel)(P...), dim3 grid, dim3 block, size_t shared,
                        cudaStream_t stream, A&&... args) {
  LaunchPlan(grid, block, shared, stream).cooperative().run(kernel, std::forward<A>(args)...);
}

// Programmatic dependent launch where the device has it, a plain launch elsewhere. The kernel calls
// wait_for_previous_kernel() before it reads what the kernel before it wrote.
template <class... P, class... A>
void launch_dependent(void (*kernel)(P...), dim3 grid, dim3 block, size_t shared,
                      cudaStream_t stream, A&&... args) {
  int major = 0;
  check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, kOurDevice),
        "cudaDeviceGetAttribute");
  LaunchPlan plan(grid, block, shared, stream);
  if (major >= 9) plan.dependent();
  plan.run(kernel, std::forward<A>(args)...);
}

}  // namespace gibbslab
