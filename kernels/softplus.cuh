// Sums of softplus in float64: the arithmetic of free energies and log-weights.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace gibbslab::cuda {

__device__ inline double log1p_exp(double x) { return fmax(x, 0.0) + log1p(exp(-fabs(x))); }

// A product of factors in (1, 2]: its logarithm is due only when so many could overflow a double.
class LogProduct {
 public:
  __device__ void multiply(double factor) {
    product_ *= factor;
    if (++factors_ < kFactors) return;
    logs_ += log(product_);
    product_ = 1.0;
    factors_ = 0;
  }
  __device__ double value() const { return logs_ + log(product_); }

 private:
  static constexpr int kFactors = 512;
  double product_ = 1.0, logs_ = 0.0;
  int factors_ = 0;
};

// A running sum of log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)).
class SoftplusSum {
 public:
  __device__ void add(double x) {
    positive_ += x > 0.0 ? x : 0.0;
    factors_.multiply(1.0 + exp(-fabs(x)));
  }
  __device__ double value() const { return positive_ + factors_.value(); }

 private:
  double positive_ = 0.0;
  LogProduct factors_;
};

}  // namespace gibbslab::cuda
