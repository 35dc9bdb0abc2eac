// Runs a check on the kernels of every instruction set that this machine has.
#pragma once

#include <cstdint>

#include "csrc/cpu/kernels.h"

namespace gibbslab::check_kernels {

// Sizes that straddle the edges of vectors, words and panels.
constexpr int64_t kSizes[] = {1, 31, 33, 127, 257};

template <class Body>
void on_every_isa(const Body& body) {
  for (const char* name : {"baseline", "avx2", "avx512"})
    if (const cpu::Kernels* kernels = cpu::find_kernels(name)) body(*kernels);
}

}  // namespace gibbslab::check_kernels
