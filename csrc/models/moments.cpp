#include "csrc/models/moments.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "csrc/core/error.h"
#include "csrc/core/faults.h"
#include "csrc/core/interrupt.h"
#include "csrc/ops/backend.h"

namespace gibbslab {
namespace {

constexpr int64_t kBlock = 1024;

// The enumerated layer s of n units, the other layer x of N.
class Enumeration {
 public:
  explicit Enumeration(const Rbm& rbm)
      : rbm_(rbm), ctx_(rbm.context()), by_hidden_(rbm.hidden_size() < rbm.visible_size()) {
    require(units() <= ops::kMaxEnumerated, "exact_moments", [&] {
      return "the smaller layer must have at most " + std::to_string(ops::kMaxEnumerated) +
             " units to be enumerated, got " + std::to_string(units());
    });
  }

  Moments moments() {
    weigh_all();
    sum_ = std::vector<double>(static_cast<size_t>((units() + 1) * others()), 0.0);
    own_.assign(static_cast<size_t>(units()), 0.0);
    for (int64_t first = 0; first < count(); first += kBlock) {
      add_block(first);
      poll_interrupt();
    }
    return result();
  }

 private:
  int64_t units() const { return by_hidden_ ? rbm_.hidden_size() : rbm_.visible_size(); }
  int64_t others() const { return by_hidden_ ? rbm_.visible_size() : rbm_.hidden_size(); }
  int64_t count() const { return int64_t{1} << units(); }

  // States [first, first + kBlock), unit i of state s being bit i of s.
  BitTensor block(int64_t first) const {
    BitTensor out = BitTensor::zeros(std::min(kBlock, count() - first), units());
    for (int64_t r = 0; r < out.rows(); ++r) out.row(r)[0] = static_cast<uint64_t>(first + r);
    return out.to(ctx_.backend().memory);
  }

  // The probability of every state of the enumerated layer, from free energies in float64.
  void weigh_all() {
    const Tensor& w = by_hidden_ ? rbm_.weights().transposed(ctx_) : rbm_.weights().get();
    const Tensor &own = by_hidden_ ? rbm_.hidden_bias() : rbm_.visible_bias(),
                 &other = by_hidden_ ? rbm_.visible_bias() : rbm_.hidden_bias();
    p_.resize(static_cast<size_t>(count()));
    for (int64_t first = 0; first < count(); first += kBlock) {
      ops::free_energy(ctx_, {&w, &own, &other, 1.0}, block(first), p_.data() + first);
      poll_interrupt();
    }
    const double least = *std::min_element(p_.begin(), p_.end());
    double total = 0.0;
    for (double& p : p_) total += p = std::exp(least - p);
    for (double& p : p_) p /= total;
  }

  // sum_ += [p s, p]^T E[x | s] of the block's states, (n + 1, N); own_ += p s.
  void add_block(int64_t first) {
    const States states = block(first);
    const int64_t rows = states.rows(), n = units();
    Tensor weighted = Tensor::zeros(rows, n + 1);
    for (int64_t r = 0; r < rows; ++r) {
      const double p = p_[static_cast<size_t>(first + r)];
      weighted.row(r)[n] = static_cast<float>(p);
      for (int64_t i = 0; i < n; ++i)
        if (((first + r) >> i) & 1) {
          weighted.row(r)[i] = static_cast<float>(p);
          own_[static_cast<size_t>(i)] += p;
        }
    }
    const Tensor mean = conditional_mean(states);
    Tensor product = ops::zeros(ctx_, n + 1, others());
    ops::matmul(ctx_, weighted.to(ctx_.backend().memory), true, mean, false, 1.0f, 0.0f, product);
    const Tensor here = product.to(host_memory());
    for (int64_t i = 0; i <= n; ++i)
      for (int64_t c = 0; c < others(); ++c)
        sum_[static_cast<size_t>(i * others() + c)] += here.row(i)[c];
  }

  Tensor conditional_mean(const States& states) const {
    Tensor mean = ops::zeros(ctx_, states.rows(), others());
    HalfStep step;
    step.input = &states;
    step.weights = &rbm_.weights();
    step.bias = by_hidden_ ? &rbm_.visible_bias() : &rbm_.hidden_bias();
    step.direction = by_hidden_ ? Direction::kDown : Direction::kUp;
    step.mean = &mean;
    ops::half_step(ctx_, step);
    return mean;
  }

  Moments result() const {
    Tensor products = Tensor::zeros(rbm_.visible_size(), rbm_.hidden_size());
    Tensor own = Tensor::zeros(1, units()), other = Tensor::zeros(1, others());
    for (int64_t c = 0; c < others(); ++c) {
      for (int64_t i = 0; i < units(); ++i) {
        const float value = static_cast<float>(sum_[static_cast<size_t>(i * others() + c)]);
        (by_hidden_ ? products.row(c)[i] : products.row(i)[c]) = value;
      }
      other.data()[c] = static_cast<float>(sum_[static_cast<size_t>(units() * others() + c)]);
    }
    for (int64_t i = 0; i < units(); ++i)
      own.data()[i] = static_cast<float>(own_[static_cast<size_t>(i)]);
    Memory& memory = ctx_.backend().memory;
    if (by_hidden_) return {products.to(memory), other.to(memory), own.to(memory)};
    return {products.to(memory), own.to(memory), other.to(memory)};
  }

  const Rbm& rbm_;
  const Context& ctx_;
  bool by_hidden_;
  std::vector<double> p_, sum_, own_;
};

}  // namespace

Moments exact_moments(const Rbm& rbm) { return Enumeration(rbm).moments(); }

}  // namespace gibbslab
