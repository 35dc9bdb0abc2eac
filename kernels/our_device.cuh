// Callers may have made another card current (torch.cuda.set_device): whatever launches, allocates
// or makes streams, events and graphs does so under an OnOurDevice.
#pragma once

#include "csrc/core/faults.h"
#include "kernels/check.cuh"

namespace gibbslab {

constexpr int kOurDevice = 0;  // the first that the process sees

// Makes our card the thread's current one, and the caller's again in the end. Where it is current
// already, as it nearly always is, that costs one look at a variable of the thread.
class OnOurDevice {
 public:
  OnOurDevice() {
    if (cudaGetDevice(&callers_) != cudaSuccess) {
      cudaGetLastError();  // the call that follows meets the same trouble, and says so
      return;
    }
    changed_ = callers_ != kOurDevice && !fault("kernel_callers_device");
    if (changed_) check(cudaSetDevice(kOurDevice), "cudaSetDevice");
  }
  ~OnOurDevice() {
    if (changed_) (void)cudaSetDevice(callers_);
  }
  OnOurDevice(const OnOurDevice&) = delete;
  OnOurDevice& operator=(const OnOurDevice&) = delete;

 private:
  int callers_ = kOurDevice;
  bool changed_ = false;
};

}  // namespace gibbslab
