#include "csrc/core/memory.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <new>
#include <unordered_map>

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#define GIBBSLAB_HAS_FORK 1
#endif

namespace gibbslab {
namespace {

constexpr std::align_val_t kAlign{64};

// Blocks given back are kept for the next tensor of the same size: a training step asks for the
// same sizes again and again, and fresh pages cost more than the step's arithmetic.
class Cache {
 public:
  static Cache& get() {
    static Cache* cache = new Cache();  // never destroyed: tensors may outlive static objects
    return *cache;
  }

  void* take(size_t bytes) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (auto found = blocks_.find(bytes); found != blocks_.end()) {
        void* memory = found->second;
        blocks_.erase(found);
        kept_ -= bytes;
        return memory;
      }
    }
    return ::operator new(bytes, kAlign);
  }

  void give(void* memory, size_t bytes) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (kept_ + bytes <= kMostKept) {
        blocks_.emplace(bytes, memory);
        kept_ += bytes;
        return;
      }
    }
    ::operator delete(memory, kAlign);
  }

  void lock() { mutex_.lock(); }
  void unlock() { mutex_.unlock(); }

 private:
  static constexpr size_t kMostKept = size_t{64} << 20;
  std::mutex mutex_;
  std::unordered_multimap<size_t, void*> blocks_;
  size_t kept_ = 0;
};

#ifdef GIBBSLAB_HAS_FORK
// Held across a fork, so that the child never inherits it from a thread that it does not have.
const int g_held_across_fork = pthread_atfork(
    [] { Cache::get().lock(); }, [] { Cache::get().unlock(); }, [] { Cache::get().unlock(); });
#endif

struct HostMemory : Memory {
  bool on_host() const override { return true; }

  std::shared_ptr<void> allocate(int64_t count) override {
#ifdef GIBBSLAB_HAS_FORK
    (void)g_held_across_fork;
#endif
    const size_t bytes = static_cast<size_t>(std::max<int64_t>(count, 1));
    void* memory = Cache::get().take(bytes);
    return std::shared_ptr<void>(memory, [bytes](void* p) { Cache::get().give(p, bytes); });
  }

  void clear(void* at, int64_t bytes) override { std::memset(at, 0, static_cast<size_t>(bytes)); }

  void copy(const Copy& job) override {
    for (int64_t r = 0; r < job.rows; ++r)
      std::memcpy(static_cast<char*>(job.to) + r * job.to_pitch,
                  static_cast<const char*>(job.from) + r * job.from_pitch,
                  static_cast<size_t>(job.bytes));
  }
};

}  // namespace

Memory& host_memory() {
  static HostMemory memory;
  return memory;
}

}  // namespace gibbslab
