// log Z of a small Bernoulli RBM: every state of the smaller layer, in Gray-code order.
//
// Z = sum_s exp(c.s) prod_i (1 + exp(d_i + (s M)_i)), s the smaller layer with biases c, the other
// layer's biases d, M the weights between. Neighbouring states differ in one unit, so the inputs
// d + s M change by one row of M. Blocks of states start afresh, which bounds the rounding.
#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "csrc/core/interrupt.h"
#include "csrc/core/thread_pool.h"
#include "csrc/cpu/cpu_ops.h"
#include "csrc/cpu/kernels.h"

namespace gibbslab::cpu {
namespace {

constexpr int64_t kBlockBits = 10;

struct Layers {
  std::vector<std::vector<double>> rows;  // M, one row per enumerated unit
  std::vector<double> enumerated_bias, other_bias;
};

Layers split(const RbmView& rbm) {
  const Tensor& w = *rbm.weights;
  const bool visible_smaller = w.rows() < w.cols();
  const int64_t small = std::min(w.rows(), w.cols()), large = std::max(w.rows(), w.cols());
  Layers out;
  out.rows.assign(static_cast<size_t>(small), std::vector<double>(static_cast<size_t>(large)));
  for (int64_t i = 0; i < w.rows(); ++i)
    for (int64_t j = 0; j < w.cols(); ++j)
      (visible_smaller ? out.rows[i][j] : out.rows[j][i]) = rbm.beta * w.row(i)[j];
  const Tensor& a = *rbm.visible_bias;
  const Tensor& b = *rbm.hidden_bias;
  for (int64_t i = 0; i < a.cols(); ++i)
    (visible_smaller ? out.enumerated_bias : out.other_bias).push_back(rbm.beta * a.data()[i]);
  for (int64_t j = 0; j < b.cols(); ++j)
    (visible_smaller ? out.other_bias : out.enumerated_bias).push_back(rbm.beta * b.data()[j]);
  return out;
}

// A running log(sum(exp)).
struct LogSum {
  double largest = -HUGE_VAL, sum = 0;
  void add(double x) {
    if (x > largest) {
      sum = sum * std::exp(largest - x) + 1.0;
      largest = x;
    } else {
      sum += std::exp(x - largest);
    }
  }
  double value() const { return largest + std::log(sum); }
};

void flip(const Layers& layers, size_t unit, double sign, std::vector<double>& input,
          double& bias) {
  const std::vector<double>& row = layers.rows[unit];
  for (size_t j = 0; j < input.size(); ++j) input[j] += sign * row[j];
  bias += sign * layers.enumerated_bias[unit];
}

// log of the sum over the states whose upper bits spell `block`.
double block_sum(const Layers& layers, uint64_t block, int64_t low_bits) {
  std::vector<double> input = layers.other_bias;
  double bias = 0;
  for (size_t unit = static_cast<size_t>(low_bits); unit < layers.rows.size(); ++unit)
    if ((block >> (unit - static_cast<size_t>(low_bits))) & 1) flip(layers, unit, 1.0, input, bias);
  LogSum total;
  uint64_t state = 0;
  for (uint64_t step = 1;; ++step) {
    total.add(bias + kernels().softplus_sum(input.data(), static_cast<int64_t>(input.size())));
    if (step == uint64_t{1} << low_bits) return total.value();
    const int unit = std::countr_zero(step);
    state ^= uint64_t{1} << unit;
    flip(layers, static_cast<size_t>(unit), (state >> unit) & 1 ? 1.0 : -1.0, input, bias);
  }
}

}  // namespace

double enumerate_log_partition(const Context& ctx, const RbmView& rbm) {
  const Layers layers = split(rbm);
  const int64_t units = static_cast<int64_t>(layers.rows.size());
  const int64_t low_bits = std::min(units, kBlockBits);
  const int64_t blocks = int64_t{1} << (units - low_bits);
  LogSum total;
  constexpr int64_t kRound = 64;  // blocks between two looks at Ctrl-C
  std::vector<double> sums(kRound);
  for (int64_t first = 0; first < blocks; first += kRound) {
    const int64_t count = std::min(kRound, blocks - first);
    parallel_for(ctx.threads(), count, [&](int64_t i) {
      sums[i] = block_sum(layers, static_cast<uint64_t>(first + i), low_bits);
    });
    for (int64_t i = 0; i < count; ++i) total.add(sums[i]);
    poll_interrupt();
  }
  return total.value();
}

}  // namespace gibbslab::cpu
