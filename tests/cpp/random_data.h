// Deterministic data for the C++ tests.
#pragma once

#include <algorithm>

#include "csrc/core/philox.h"
#include "csrc/core/tensor.h"
#include "csrc/ops/backend.h"

namespace gibbslab::check_data {

inline Context context(int threads = 1, uint64_t seed = 7) {
  return Context(cpu_backend(), seed, threads);
}

inline void fill(Tensor& t, float value) {
  for (int64_t r = 0; r < t.rows(); ++r) std::fill_n(t.row(r), t.cols(), value);
}

// Normal deviates, (rows, cols).
inline Tensor reals(int64_t rows, int64_t cols, uint64_t stream) {
  Tensor out = Tensor::zeros(rows, cols);
  ops::normal(context(), {11, stream, 0}, 0.0f, 1.0f, out);
  return out;
}

// 0/1 values with a share of ones, (rows, cols).
inline BitTensor bits(int64_t rows, int64_t cols, uint64_t stream, float ones = 0.4f) {
  Tensor p = Tensor::zeros(rows, cols);
  fill(p, ones);
  BitTensor out = BitTensor::zeros(rows, cols);
  ops::bernoulli(context(), p, {13, stream, 0}, out);
  return out;
}

inline bool same(const Tensor& a, const Tensor& b) {
  if (a.rows() != b.rows() || a.cols() != b.cols()) return false;
  for (int64_t r = 0; r < a.rows(); ++r)
    for (int64_t c = 0; c < a.cols(); ++c)
      if (a.row(r)[c] != b.row(r)[c]) return false;
  return true;
}

inline bool same(const BitTensor& a, const BitTensor& b) {
  if (a.rows() != b.rows() || a.cols() != b.cols()) return false;
  for (int64_t r = 0; r < a.rows(); ++r)
    for (int64_t c = 0; c < a.cols(); ++c)
      if (a.get(r, c) != b.get(r, c)) return false;
  return true;
}

}  // namespace gibbslab::check_data
