// What a parallel loop has to do.
#pragma once

#include <atomic>
#include <vector>

#include "csrc/core/thread_pool.h"

namespace gibbslab {

// Whether every index of [0, n) ran exactly once.
inline bool covers(int threads, int64_t n) {
  std::vector<std::atomic<int>> runs(static_cast<size_t>(n));
  parallel_for(threads, n, [&](int64_t i) { ++runs[static_cast<size_t>(i)]; });
  for (const std::atomic<int>& count : runs)
    if (count != 1) return false;
  return true;
}

}  // namespace gibbslab
