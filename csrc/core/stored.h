// A value that lies where a device computes.
#pragma once

#include <memory>
#include <type_traits>

#include "csrc/core/memory.h"

namespace gibbslab {

// Its address stays: work that is recorded reads from there whatever was last set.
template <class T>
class Stored {
 public:
  static_assert(std::is_trivially_copyable_v<T>);
  explicit Stored(Memory& memory) : memory_(&memory), place_(memory.allocate(kBytes)) {}

  // In order with the work that is asked for before and after.
  void set(const T& value) {
    const Transfer way = memory_->on_host() ? Transfer::kWithin : Transfer::kFromHost;
    memory_->copy({place_.get(), kBytes, &value, kBytes, kBytes, 1, way});
  }
  const T* get() const { return static_cast<const T*>(place_.get()); }

 private:
  static constexpr int64_t kBytes = sizeof(T);
  Memory* memory_;
  std::shared_ptr<void> place_;
};

}  // namespace gibbslab
