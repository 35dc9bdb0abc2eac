// CUDA's qualifiers for a C++ compiler.
#pragma once

#define __device__
#define __host__
#define __constant__
#define __grid_constant__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __cluster_dims__(...)
#define __maxnreg__(...)
#define __align__(n) __attribute__((aligned(n)))

// The tags become part of mangled names (B15gibbslab_shared), by which the engine finds every
// __shared__ variable in the symbol table and tells those of one kernel from those of another.
#define __global__ __attribute__((abi_tag("gibbslab_kernel")))
#define __shared__ static __attribute__((abi_tag("gibbslab_shared")))

#define warpSize 32
