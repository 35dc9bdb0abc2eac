// What micro-benchmarks share: the clock of the device, and how results are printed.
#pragma once

#include <algorithm>
#include <cstdio>
#include <vector>

#include "kernels/check.cuh"

namespace gibbslab::bench {

constexpr int kThreads = 256;  // of a block

// How much of everything is done: little of it where only correctness is of interest.
struct Effort {
  bool tiny = false;
  int repeats() const { return tiny ? 1 : 7; }
  int pick(int full, int few) const { return tiny ? few : full; }
};

// One line for tests/bench/micro.py: the name, the value, its unit.
inline void report(const std::string& name, double value, const char* unit) {
  std::printf("%s\t%.6g\t%s\n", name.c_str(), value, unit);
}

inline int attribute(cudaDeviceAttr what) {
  int device = 0, value = 0;
  check(cudaGetDevice(&device), "cudaGetDevice");
  check(cudaDeviceGetAttribute(&value, what, device), "cudaDeviceGetAttribute");
  return value;
}

// A stream with a clock.
class Clock {
 public:
  Clock() {
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
    check(cudaEventCreate(&start_), "cudaEventCreate");
    check(cudaEventCreate(&end_), "cudaEventCreate");
  }
  ~Clock() {
    cudaEventDestroy(start_);
    cudaEventDestroy(end_);
    cudaStreamDestroy(stream_);
  }
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;

  cudaStream_t stream() const { return stream_; }

  // Median seconds from the first to the last piece of work that `queue` puts into the stream,
  // after one call that is not timed.
  template <class Queue>
  double median(int repeats, const Queue& queue) {
    std::vector<double> times;
    for (int i = -1; i < repeats; ++i) {
      const double t = once(queue);
      if (i >= 0) times.push_back(t);
    }
    std::nth_element(times.begin(), times.begin() + repeats / 2, times.end());
    return times[repeats / 2];
  }

 private:
  template <class Queue>
  double once(const Queue& queue) {
    check(cudaEventRecord(start_, stream_), "cudaEventRecord");
    queue();
    check(cudaEventRecord(end_, stream_), "cudaEventRecord");
    check(cudaEventSynchronize(end_), "cudaEventSynchronize");
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, start_, end_), "cudaEventElapsedTime");
    return 1e-3 * milliseconds;
  }

  cudaStream_t stream_{};
  cudaEvent_t start_{}, end_{};
};

// Device memory of n values, all bytes zero.
template <class T>
class Zeros {
 public:
  explicit Zeros(size_t n) {
    check(cudaMalloc(reinterpret_cast<void**>(&at_), n * sizeof(T)), "cudaMalloc");
    check(cudaMemset(at_, 0, n * sizeof(T)), "cudaMemset");
    check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");  // streams here do not wait for it
  }
  ~Zeros() { cudaFree(at_); }
  Zeros(const Zeros&) = delete;
  Zeros& operator=(const Zeros&) = delete;
  T* get() const { return at_; }

 private:
  T* at_ = nullptr;
};

void launch_gaps(const Effort& effort);
void barriers(const Effort& effort);
void product_rates(const Effort& effort);

}  // namespace gibbslab::bench
