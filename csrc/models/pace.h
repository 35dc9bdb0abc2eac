// How many steps to ask of one call that cannot be interrupted: as many as keep it far below the
// 100 ms within which Ctrl-C must be noticed. Found by timing, as it depends on sizes and device.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace gibbslab {

class Pace {
 public:
  int64_t steps() const { return steps_; }

  template <class Body>
  void time(const Body& body) {
    using Clock = std::chrono::steady_clock;
    const Clock::time_point start = Clock::now();
    body();
    const Clock::duration taken = Clock::now() - start;
    if (taken < std::chrono::milliseconds(10)) steps_ = std::min(2 * steps_, kMost);
    if (taken > std::chrono::milliseconds(40)) steps_ = std::max<int64_t>(steps_ / 2, 1);
  }

 private:
  static constexpr int64_t kMost = 4096;
  int64_t steps_ = 16;
};

}  // namespace gibbslab
