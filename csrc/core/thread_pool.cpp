#include "csrc/core/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif
#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#define GIBBSLAB_HAS_FORK 1
#endif
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace gibbslab {
namespace {

std::atomic<int> g_limit{0};
thread_local bool t_inside = false;

void pause_cpu() {
#if defined(__x86_64__)
  _mm_pause();
#else
  std::this_thread::yield();
#endif
}

// One parallel loop at a time. The caller opens a gate, works through the tasks itself, shuts the
// gate and waits only for the workers that came in: one that the system has not woken yet, on a
// busy machine, is not waited for.
class Pool {
 public:
  static Pool& get() {
    std::lock_guard<std::mutex> lock(*s_mutex);
    if (s_pool == nullptr) s_pool = new Pool();
    return *s_pool;
  }

  // The child of a fork has none of the parent's threads: forget the pool (leaked on purpose, its
  // threads and locks are beyond repair) and make a new one at the next use.
  static void forget() {
    s_pool = nullptr;
    s_mutex = new std::mutex();
    t_inside = false;
  }

  bool try_run(int threads, int64_t n, const std::function<void(int64_t)>& task) {
    std::unique_lock<std::mutex> lock(busy_, std::try_to_lock);
    if (!lock.owns_lock()) return false;
    grow(threads - 1);
    task_ = &task;
    error_ = nullptr;
    size_ = n;
    places_ = threads - 1;
    next_.store(0, std::memory_order_relaxed);
    gate_.store(0, std::memory_order_release);
    generation_.fetch_add(1, std::memory_order_release);
    generation_.notify_all();
    work();
    gate_.fetch_or(kShut, std::memory_order_acq_rel);
    wait_for_workers();
    if (error_) std::rethrow_exception(error_);
    return true;
  }

 private:
  static constexpr uint32_t kShut = 1u << 31;  // the other bits of the gate count who is inside

  void grow(int count) {
    while (workers_ < count) {
      const uint32_t seen = generation_.load(std::memory_order_relaxed);
      std::thread([this, seen] { serve(seen); }).detach();
      ++workers_;
    }
  }

  void serve(uint32_t seen) {
    t_inside = true;
    for (;;) {
      for (int spin = 0; spin < 4000 && generation_.load(std::memory_order_acquire) == seen; ++spin)
        pause_cpu();
      generation_.wait(seen, std::memory_order_acquire);
      seen = generation_.load(std::memory_order_acquire);
      if (!enter()) continue;
      work();
      if (gate_.fetch_sub(1, std::memory_order_acq_rel) == (kShut | 1)) gate_.notify_all();
    }
  }

  bool enter() {
    uint32_t gate = gate_.load(std::memory_order_acquire);
    while ((gate & kShut) == 0 && static_cast<int>(gate) < places_.load(std::memory_order_relaxed))
      if (gate_.compare_exchange_weak(gate, gate + 1, std::memory_order_acq_rel)) return true;
    return false;
  }

  void work() {
    const bool outer = t_inside;
    t_inside = true;
    try {
      for (int64_t i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < size_;) (*task_)(i);
    } catch (...) {
      std::lock_guard<std::mutex> lock(error_mutex_);
      if (!error_) error_ = std::current_exception();
      next_.store(size_, std::memory_order_relaxed);
    }
    t_inside = outer;
  }

  void wait_for_workers() {
    for (int spin = 0; spin < 4000; ++spin) {
      if (gate_.load(std::memory_order_acquire) == kShut) return;
      pause_cpu();
    }
    for (uint32_t gate; (gate = gate_.load(std::memory_order_acquire)) != kShut;)
      gate_.wait(gate, std::memory_order_acquire);
  }

  static inline Pool* s_pool = nullptr;
  static inline std::mutex* s_mutex = new std::mutex();

  std::mutex busy_, error_mutex_;
  int workers_ = 0;
  std::atomic<int> places_{0};
  std::atomic<uint32_t> generation_{0}, gate_{kShut};
  std::atomic<int64_t> next_{0};
  int64_t size_ = 0;
  const std::function<void(int64_t)>* task_ = nullptr;
  std::exception_ptr error_;
};

#ifdef GIBBSLAB_HAS_FORK
const int g_fork_hook = pthread_atfork(nullptr, nullptr, [] { Pool::forget(); });
#endif

void run_serially(int64_t n, const std::function<void(int64_t)>& task) {
  for (int64_t i = 0; i < n; ++i) task(i);
}

}  // namespace

int available_threads() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
#endif
  return std::max(1u, std::thread::hardware_concurrency());
}

int thread_limit() {
  const int limit = g_limit.load(std::memory_order_relaxed);
  return limit > 0 ? limit : available_threads();
}

void set_thread_limit(int limit) { g_limit.store(std::max(0, limit), std::memory_order_relaxed); }

int resolve_threads(int requested) {
  if (requested <= 0) return thread_limit();
  const int limit = g_limit.load(std::memory_order_relaxed);
  return limit > 0 ? std::min(requested, limit) : requested;
}

void parallel_for(int threads, int64_t n, const std::function<void(int64_t)>& task) {
#ifdef GIBBSLAB_HAS_FORK
  (void)g_fork_hook;
#endif
  threads = static_cast<int>(std::min<int64_t>(threads, n));
  if (threads <= 1 || t_inside || !Pool::get().try_run(threads, n, task)) run_serially(n, task);
}

Pieces::Pieces(int64_t items_, int64_t grain, int threads) : items(items_) {
  const int64_t most = std::max<int64_t>(1, items / std::max<int64_t>(1, grain));
  count = threads <= 1 ? 1 : std::min<int64_t>(most, threads);
}

}  // namespace gibbslab
