// A small thread pool of our own: no OpenMP, safe across fork, results free of scheduling.
#pragma once

#include <cstdint>
#include <functional>

namespace gibbslab {

// Processors this process may run on.
int available_threads();

// The cap that threadpoolctl sets and reads; available_threads() at first.
int thread_limit();
void set_thread_limit(int limit);

// Threads to use for a request: 0 means as many as allowed; never above the limit.
int resolve_threads(int requested);

// Calls task(i) for i in [0, n), on up to `threads` threads, and returns when all are done. Which
// thread runs which task is open, so a task must not depend on it. The first exception is
// rethrown. Runs serially inside another parallel_for and while another thread holds the pool.
void parallel_for(int threads, int64_t n, const std::function<void(int64_t)>& task);

// Number of pieces of at least `grain` items that keeps `threads` busy, and their borders.
struct Pieces {
  Pieces(int64_t items, int64_t grain, int threads);
  int64_t begin(int64_t piece) const { return items * piece / count; }
  int64_t end(int64_t piece) const { return items * (piece + 1) / count; }
  int64_t items, count;
};

}  // namespace gibbslab
