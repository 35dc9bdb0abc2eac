// CUDA's qualifiers for a C++ compiler.
#pragma once

#define __global__
#define __device__
#define __host__
#define __constant__
#define __grid_constant__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __cluster_dims__(...)
#define __maxnreg__(...)
#define __align__(n) __attribute__((aligned(n)))

// The tag becomes part of the variable's mangled name (B15gibbslab_shared), by which the engine
// finds every __shared__ variable in the symbol table and poisons it at the start of each block.
#define __shared__ static __attribute__((abi_tag("gibbslab_shared")))

#define warpSize 32
