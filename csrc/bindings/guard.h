// One model, one thread at a time.
#pragma once

#include <pybind11/pybind11.h>

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

// Runs `body` with the GIL released and other threads kept out.
template <class Body>
auto alone(std::atomic<bool>& flag, const char* what, const Body& body) {
  const InUse guard(flag, what);
  const pybind11::gil_scoped_release release;
  return body();
}

}  // namespace gibbslab
