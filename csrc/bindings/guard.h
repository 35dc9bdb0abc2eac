// One model, one thread at a time.
#pragma once

#include <atomic>
#include <stdexcept>
#include <string>

namespace gibbslab {

class InUse {
 public:
  InUse(std::atomic<bool>& flag, const char* what) : flag_(flag) {
    if (flag_.exchange(true))
      throw std::runtime_error(
          std::string("[") + what +
          "] this model is in use by another thread; give each thread its own");
  }
  ~InUse() { flag_ = false; }
  InUse(const InUse&) = delete;
  InUse& operator=(const InUse&) = delete;

 private:
  std::atomic<bool>& flag_;
};

}  // namespace gibbslab
