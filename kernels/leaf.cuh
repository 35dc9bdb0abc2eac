// Leaf functions: the few things that plain CUDA C++ does not say, each one line of PTX or of a
// built-in, with its twin for the emulator (tests/emulator).
// Nothing else asks which of the two it is.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#ifndef GIBBSLAB_EMULATED
#include <cooperative_groups.h>
#endif

#ifdef GIBBSLAB_EMULATED
#include "emulator/mma.h"
#define GIBBSLAB_LEAF(device, ...) __VA_ARGS__
#else
#define GIBBSLAB_LEAF(device, ...) device
#endif
// For leaves of newer cards: nothing may reach them on older ones, where they trap.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
#define GIBBSLAB_LEAF_SM80(device, ...) __trap()
#else
#define GIBBSLAB_LEAF_SM80(device, ...) GIBBSLAB_LEAF(device, __VA_ARGS__)
#endif
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 900
#define GIBBSLAB_LEAF_SM90(device, ...) __trap()
#else
#define GIBBSLAB_LEAF_SM90(device, ...) GIBBSLAB_LEAF(device, __VA_ARGS__)
#endif

#ifdef GIBBSLAB_EMULATED
#define GIBBSLAB_SITE gibbslab::emulator::Site where = gibbslab::emulator::Site::current()
#define GIBBSLAB_AND_SITE , GIBBSLAB_SITE
#else
#define GIBBSLAB_SITE
#define GIBBSLAB_AND_SITE
#endif

namespace gibbslab {

// --- shared memory ---

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

// --- clusters and cooperative grids ---
// All threads of the cluster meet; what they wrote to shared memory before is seen after. A block
// whose shared memory others read must not return before they have: end with a cluster_sync().
__device__ __forceinline__ void cluster_sync(GIBBSLAB_SITE) {
  GIBBSLAB_LEAF_SM90(asm volatile("barrier.cluster.arrive.aligned;\n"
                                  "barrier.cluster.wait.aligned;\n" :: : "memory"),
                     emulator::arrive_and_wait(emulator::Op::kCluster, 0, where));
}

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

// All threads of a grid started by launch_cooperative() meet.
__device__ __forceinline__ void grid_sync(GIBBSLAB_SITE) {
  GIBBSLAB_LEAF(cooperative_groups::this_grid().sync(),
                emulator::arrive_and_wait(emulator::Op::kGrid, 0, where));
}

// --- programmatic dependent launch ---
// ----------------------------------------------------------------

// Under launch_dependent(): what the kernel before this one wrote may be read only after this.
__device__ __forceinline__ void wait_for_previous_kernel() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
// The next kernel in the stream may start its blocks once all of this one's have called this.
__device__ __forceinline__ void let_next_kernel_start() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

// --- asynchronous copies to shared memory (on sm_75 plain ones) ---
// Copies kBytes (4, 8 or 16, both addresses aligned to them) from global to shared memory; zeros
// instead where not `valid`, and then nothing is read. Visible to this thread after
// cp_async_wait(), to the block after a __syncthreads() too.
template <int kBytes>
__device__ __forceinline__ void cp_async(void* to, const void* from, bool valid = true) {
  static_assert(kBytes == 4 || kBytes == 8 || kBytes == 16);
#ifdef GIBBSLAB_EMULATED
  emulator::copy_async(to, from, valid ? kBytes : 0, valid ? 0 : kBytes);
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800
  for (int word = 0; word < kBytes / 4; ++word)
    static_cast<unsigned*>(to)[word] = valid ? static_cast<const unsigned*>(from)[word] : 0u;
#else
  const int bytes = valid ? kBytes : 0;
  if constexpr (kBytes == 16)
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)),
                 "l"(from), "r"(bytes)
                 : "memory");
  else
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(shared_address(to)),
                 "l"(from), "n"(kBytes), "r"(bytes)
                 : "memory");
#endif
}
// Closes the group of the copies since the last commit.
__device__ __forceinline__ void cp_async_commit() {
#ifdef GIBBSLAB_EMULATED
  emulator::commit_async();
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}
// Waits until at most kPending of the latest groups are still on their way.
template <int kPending>
__device__ __forceinline__ void cp_async_wait() {
#ifdef GIBBSLAB_EMULATED
  emulator::wait_async(kPending);
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
#endif
}

// --- loads, stores, time ---
// Read once, written by no kernel that runs: past the first-level cache, first to be evicted.
template <class T>
__device__ __forceinline__ T load_streaming(const T* at) {
  return __ldcs(at);
}
// May have been written by another block of this launch: from the second-level cache.
template <class T>
__device__ __forceinline__ T load_global(const T* at) {
  return __ldcg(at);
}
// Written once, read by no block of this launch.
template <class T>
__device__ __forceinline__ void store_streaming(T* at, T value) {
  __stcs(at, value);
}

// A flag between blocks: what was written before the release is seen after the acquire.
__device__ __forceinline__ unsigned load_acquire(const unsigned* at) {
#ifdef GIBBSLAB_EMULATED
  return emulator::yield(), emulator::load_flag(at);
#else
  unsigned value;
  asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(value) : "l"(at) : "memory");
  return value;
#endif
}
__device__ __forceinline__ void store_release(unsigned* at, unsigned value) {
  GIBBSLAB_LEAF(
      asm volatile("st.release.gpu.global.u32 [%0], %1;" ::"l"(at), "r"(value) : "memory"),
      emulator::store_flag(at, value));
}

// Gives way inside a loop that waits for memory.
__device__ __forceinline__ void sleep_for(unsigned nanoseconds) { __nanosleep(nanoseconds); }

// --- approximate arithmetic ---
// 2^x within 2 ulp, and 1/x within 1 ulp: for values that no decision depends on.
__device__ __forceinline__ float exp2_approx(float x) {
#ifdef GIBBSLAB_EMULATED
  return std::exp2(x);
#else
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#endif
}
__device__ __forceinline__ float reciprocal_approx(float x) {
#ifdef GIBBSLAB_EMULATED
  return 1.0f / x;
#else
  float y;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#endif
}
// The nearest tf32, ties away from zero, as the bits of a float.
__device__ __forceinline__ unsigned to_tf32(float x) {
#ifdef GIBBSLAB_EMULATED
  return emulator::to_tf32(x);
#else
  unsigned bits = 0;
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
#else
  __trap();
#endif
  return bits;
#endif
}

// The nearest bf16 numbers, ties to even: x in the low half, y in the high.
__device__ __forceinline__ unsigned to_bf16x2(float x, float y) {
#ifdef GIBBSLAB_EMULATED
  return emulator::to_bf16(x) | emulator::to_bf16(y) << 16;
#else
  unsigned bits = 0;
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(y), "f"(x));
#else
  __trap();
#endif
  return bits;
#endif
}

// --- tensor cores (sm_80 and newer) ---
//
// c += A B for a whole warp, A 16 x K row-major, B K x 8 column-major, c 16 x 8. With g = lane / 4,
// t = lane % 4 and P elements per register (bf16 2, s8 4, tf32 1), a lane holds
//   a[r], element e:  row g + 8 (r % 2),   column P t + e + 4 P (r / 2)
//   b[r], element e:  row P t + e + 4 P r, column g
//   c[i]:             row g + 8 (i / 2),   column 2 t + i % 2
// The order of the sum over K is the device's own; the twin adds to c with rising k, in float.

__device__ __forceinline__ void mma_bf16_16x8x16(float (&c)[4], const unsigned (&a)[4],
                                                 const unsigned (&b)[2] GIBBSLAB_AND_SITE) {
  GIBBSLAB_LEAF_SM80(
      asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
                   "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};" : "+f"(c[0]),
                   "+f"(c[1]), "+f"(c[2]), "+f"(c[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]),
                   "r"(b[0]), "r"(b[1])),
      emulator::mma<emulator::Bf16>(c, a, b, where));
}

__device__ __forceinline__ void mma_tf32_16x8x8(float (&c)[4], const unsigned (&a)[4],
                                                const unsigned (&b)[2] GIBBSLAB_AND_SITE) {
  GIBBSLAB_LEAF_SM80(
      asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
                   "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};" : "+f"(c[0]),
                   "+f"(c[1]), "+f"(c[2]), "+f"(c[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]),
                   "r"(b[0]), "r"(b[1])),
      emulator::mma<emulator::Tf32>(c, a, b, where));
}

// Sums wrap.
__device__ __forceinline__ void mma_s8_16x8x32(int (&c)[4], const unsigned (&a)[4],
                                               const unsigned (&b)[2] GIBBSLAB_AND_SITE) {
  GIBBSLAB_LEAF_SM80(
      asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 "
                   "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};" : "+r"(c[0]),
                   "+r"(c[1]), "+r"(c[2]), "+r"(c[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]),
                   "r"(b[0]), "r"(b[1])),
      emulator::mma<emulator::S8>(c, a, b, where));
}

// Loads 8 x 8 matrices of 16-bit elements from shared memory: lane l gives the address of row l
// % 8 of matrix l / 8 (16 bytes, so aligned). Register i holds of matrix i the row lane / 4,
// elements 2 (lane % 4) and the next; with _trans the same of the transposed matrix. Of x2, the
// addresses of the first 16 lanes count.
__device__ __forceinline__ void ldmatrix_x4(unsigned (&to)[4], const void* row GIBBSLAB_AND_SITE) {
  GIBBSLAB_LEAF(
      asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];" : "=r"(to[0]),
                   "=r"(to[1]), "=r"(to[2]), "=r"(to[3]) : "r"(shared_address(row)) : "memory"),
      (emulator::ldmatrix<4, false>(to, row, where)));
}
__device__ __forceinline__ void ldmatrix_x4_trans(unsigned (&to)[4],
                                                  const void* row GIBBSLAB_AND_SITE) {
  GIBBSLAB_LEAF(
      asm volatile(
          "ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];" : "=r"(to[0]),
          "=r"(to[1]), "=r"(to[2]), "=r"(to[3]) : "r"(shared_address(row)) : "memory"),
      (emulator::ldmatrix<4, true>(to, row, where)));
}
__device__ __forceinline__ void ldmatrix_x2(unsigned (&to)[2], const void* row GIBBSLAB_AND_SITE) {
  GIBBSLAB_LEAF(
      asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];" : "=r"(to[0]),
                   "=r"(to[1]) : "r"(shared_address(row)) : "memory"),
      (emulator::ldmatrix<2, false>(to, row, where)));
}
__device__ __forceinline__ void ldmatrix_x2_trans(unsigned (&to)[2],
                                                  const void* row GIBBSLAB_AND_SITE) {
  GIBBSLAB_LEAF(
      asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];" : "=r"(to[0]),
                   "=r"(to[1]) : "r"(shared_address(row)) : "memory"),
      (emulator::ldmatrix<2, true>(to, row, where)));
}

}  // namespace gibbslab
