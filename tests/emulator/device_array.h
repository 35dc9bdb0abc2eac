// Device memory for the tests: allocated, filled and read back through the runtime's own calls.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "emulator/control.h"
#include "kernels/launch.cuh"
#include "kernels/leaf.cuh"
#include "tests/cpp/check.h"

namespace gibbslab {

template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(size_t size) : size_(size) {
    check(cudaMalloc(&data_, size * sizeof(T)), "cudaMalloc");
  }
  explicit DeviceArray(const std::vector<T>& from) : DeviceArray(from.size()) {
    check(cudaMemcpy(data_, from.data(), size_ * sizeof(T), cudaMemcpyHostToDevice), "cudaMemcpy");
  }
  ~DeviceArray() { cudaFree(data_); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  T* data() { return data_; }
  std::vector<T> read() const {
    std::vector<T> all(size_);
    check(cudaMemcpy(all.data(), data_, size_ * sizeof(T), cudaMemcpyDeviceToHost), "cudaMemcpy");
    return all;
  }

 private:
  T* data_ = nullptr;
  size_t size_;
};

// The call fails, and the emulator's report of the fault holds each of the texts.
template <class Launch>
void expect_report(const std::vector<std::string>& texts, const Launch& faulty) {
  gibbslab_emulator_reset();
  CHECK_THROWS(DeviceError, "the device is lost", faulty());
  const std::string report = gibbslab_emulator_last_report();
  gibbslab_emulator_reset();
  for (const std::string& text : texts)
    if (report.find(text) == std::string::npos)
      check::fail(__FILE__, __LINE__, "expected '" + text + "' in: " + report);
}

}  // namespace gibbslab
