// A computation by the kernels and by the CPU backend: the same values come out, and what the
// kernels leave beyond the last column of packed states is zero.
#pragma once

#include <functional>
#include <vector>

#include "csrc/ops/backend.h"
#include "tests/cpp/check.h"
#include "tests/cpp/random_data.h"

namespace gibbslab::kernel_cases {

// The plug-in's backend, opened by main().
Backend& device();

// What a computation found; takes matrices from where they lie.
class Values {
 public:
  void add(double value) { all_.push_back(value); }
  void add(const std::vector<double>& values) {
    for (const double value : values) all_.push_back(value);
  }
  void add(const Tensor& x);
  void add(const BitTensor& x);
  void add(const States& x) { x.binary() ? add(x.bits()) : add(x.dense()); }
  const std::vector<double>& all() const { return all_; }

 private:
  std::vector<double> all_;
};

using Computation = std::function<Values(const Context&)>;

// Runs it on both backends; `tolerance` is relative above 1 and absolute below.
void agree(const Computation& compute, double tolerance = 1e-4);

// Operands where the context computes: normal deviates, and 0/1 values with 40 % ones.
inline Tensor reals(const Context& ctx, int64_t rows, int64_t cols, uint64_t stream) {
  return check_data::reals(rows, cols, stream).to(ctx.backend().memory);
}
inline BitTensor bits(const Context& ctx, int64_t rows, int64_t cols, uint64_t stream) {
  return check_data::bits(rows, cols, stream).to(ctx.backend().memory);
}
// Values between 0 and 1.
inline Tensor greys(const Context& ctx, int64_t rows, int64_t cols, uint64_t stream) {
  Tensor out = ops::zeros(ctx, rows, cols);
  ops::uniform(ctx, {17, stream, 0}, out);
  return out;
}

}  // namespace gibbslab::kernel_cases
