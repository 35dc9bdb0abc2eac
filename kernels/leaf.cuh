// Leaf functions: the few things that plain CUDA C++ does not say, each one line of PTX or of a
// built-in, with its twin for the emulator (tests/emulator). Nothing else asks which of the two it is.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#ifdef GIBBSLAB_EMULATED
#include "emulator/mma.h"
#define GIBBSLAB_LEAF(device, twin) \
  { twin; }
#else
#define GIBBSLAB_LEAF(device, twin) \
  { device; }
#endif
// For leaves of newer cards: nothing may reach them on older ones, where they trap.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 900
#define GIBBSLAB_LEAF_SM90(device, twin) \
  { __trap(); }
#else
#define GIBBSLAB_LEAF_SM90(device, twin) GIBBSLAB_LEAF(device, twin)
#endif

#ifdef GIBBSLAB_EMULATED
#define GIBBSLAB_SITE \
  gibbslab::emulator::Site where = gibbslab::emulator::Site::current()
#define GIBBSLAB_AND_SITE , GIBBSLAB_SITE
#else
#define GIBBSLAB_SITE
#define GIBBSLAB_AND_SITE
#endif

namespace gibbslab {

// --- shared memory ------------------------------------------------------------------------------

#ifndef GIBBSLAB_EMULATED
__device__ __forceinline__ unsigned shared_address(const void* at) {
  return static_cast<unsigned>(__cvta_generic_to_shared(at));
}
#endif

// The block's dynamic shared memory, aligned to 128 bytes.
template <class T>
__device__ __forceinline__ T* dynamic_shared() {
#ifdef GIBBSLAB_EMULATED
  return static_cast<T*>(emulator::dynamic_shared_memory());
#else
  extern __shared__ __align__(128) unsigned char gibbslab_dynamic_shared[];
  return reinterpret_cast<T*>(gibbslab_dynamic_shared);
#endif
}

// --- clusters and cooperative grids ---------------------------------------------------------------

// All threads of the cluster meet; what they wrote to shared memory before is seen after. A block
// whose shared memory others read must not return before they have: end with a cluster_sync().
__device__ __forceinline__ void cluster_sync(GIBBSLAB_SITE)
    GIBBSLAB_LEAF_SM90(asm volatile("barrier.cluster.arrive.aligned;\n"
                                    "barrier.cluster.wait.aligned;\n" ::: "memory"),
                       emulator::arrive_and_wait(emulator::Op::kCluster, 0, where))

// The block's number in its cluster, and how many blocks a cluster has.
__device__ __forceinline__ unsigned cluster_rank() {
#ifdef GIBBSLAB_EMULATED
  return emulator::cluster_rank();
#else
  unsigned rank = 0;
#if __CUDA_ARCH__ >= 900
  asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
#endif
  return rank;
#endif
}
__device__ __forceinline__ unsigned cluster_size() {
#ifdef GIBBSLAB_EMULATED
  return emulator::cluster_size();
#else
  unsigned size = 1;
#if __CUDA_ARCH__ >= 900
  asm("mov.u32 %0, %%cluster_nctarank;" : "=r"(size));
#endif
  return size;
#endif
}

// The address in block `rank` of the cluster that corresponds to `at` in this block's dynamic
// shared memory: plain loads, stores and atomics work on it.
template <class T>
__device__ __forceinline__ T* map_shared(T* at, unsigned rank) {
#ifdef GIBBSLAB_EMULATED
  return static_cast<T*>(emulator::map_shared(at, rank));
#else
#if __CUDA_ARCH__ >= 900
  uint64_t mapped;
  asm("mapa.u64 %0, %1, %2;" : "=l"(mapped) : "l"(at), "r"(rank));
  return reinterpret_cast<T*>(mapped);
#else
  __trap();
  return at;
#endif
#endif
}

}  // namespace gibbslab
