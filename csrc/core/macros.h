// Host/device annotation, so that a formula is written once for the CPU loop and the CUDA kernel.
#pragma once

#if defined(__CUDACC__)
#define GIBBSLAB_HD __host__ __device__ __forceinline__
#define GIBBSLAB_HD_MEMBER static __host__ __device__ __forceinline__
#else
// always_inline: a copy compiled for AVX-512 must never be shared with the baseline by the linker.
#define GIBBSLAB_HD static inline __attribute__((always_inline))
#define GIBBSLAB_HD_MEMBER static inline __attribute__((always_inline))
#endif
