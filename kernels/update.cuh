// An update of parameters (csrc/ops/optim.h) made ready for the kernels: that which reads a
// gradient and those that have just summed one.
#pragma once

#include "kernels/device.cuh"
#include "kernels/gibbs_launch.cuh"

namespace gibbslab::cuda {

// Where the gradient goes, with padded copies of what was not padded, and the flag of its own that
// a kernel raises.
class PreparedUpdate {
 public:
  explicit PreparedUpdate(const Update& job);
  const CdOutput& output() const { return out_; }
  // Waits for the kernel.
  bool finite() const;

 private:
  Tensor weight_, velocity_;
  Scratch<int> trouble_{1};
  CdOutput out_;
};

}  // namespace gibbslab::cuda
