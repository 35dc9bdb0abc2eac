// Where tensors live.
#pragma once

#include <cstdint>
#include <memory>

namespace gibbslab {

enum class Transfer { kWithin, kFromHost, kToHost };

// `rows` runs of `bytes` bytes, whose starts lie to_pitch and from_pitch bytes apart.
struct Copy {
  void* to;
  int64_t to_pitch;
  const void* from;
  int64_t from_pitch;
  int64_t bytes, rows;
  Transfer transfer = Transfer::kWithin;
};

// Calls are in order: what was asked for before is done before.
struct Memory {
  virtual ~Memory() = default;
  // Whether the processor may read and write it through a pointer.
  virtual bool on_host() const = 0;
  // At least `bytes`, aligned to 64, contents undefined. Throws std::bad_alloc or a class of it.
  virtual std::shared_ptr<void> allocate(int64_t bytes) = 0;
  virtual void clear(void* at, int64_t bytes) = 0;
  // kToHost returns when the bytes are there; kFromHost may return before, with them read.
  virtual void copy(const Copy& job) = 0;

  // For arrays that other libraries share with this one. A queue is named by its number, as they
  // all do; the host has none and is never behind.
  virtual std::uintptr_t queue() const { return 0; }
  // Whether `bytes` bytes from `at` on may be read here.
  virtual bool holds(const void* at, int64_t bytes) const { return at != nullptr || bytes == 0; }
  // What is asked for here from now on comes after what is in the other queue now, ...
  virtual void wait_for(std::uintptr_t) {}
  // ... and the reverse.
  virtual void let_wait(std::uintptr_t) {}
  // Return when this queue, or all of them, are done. They run when handles are dropped: failures
  // are left to the next call that can report them.
  virtual void finish() noexcept {}
  virtual void finish_all() noexcept {}
};

Memory& host_memory();

}  // namespace gibbslab
