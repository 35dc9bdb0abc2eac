// The model on small machines: against plain loops, and the same whatever the threads.
#include <vector>

#include "csrc/models/ais.h"
#include "csrc/models/rbm.h"
#include "tests/cpp/check.h"
#include "tests/cpp/random_data.h"

namespace gibbslab {
namespace {

using check_data::bits;
using check_data::context;
using check_data::reals;
using check_data::same;

Rbm model(int64_t visible, int64_t hidden, int threads = 1) {
  Rbm rbm(context(threads), visible, hidden);
  rbm.set_weights(reals(visible, hidden, 1));
  rbm.set_visible_bias(reals(1, visible, 2));
  rbm.set_hidden_bias(reals(1, hidden, 3));
  return rbm;
}

// sum_j w_vj for the bits of v, plus the bias: the input of hidden unit j.
double hidden_input(const Rbm& rbm, const BitTensor& v, int64_t r, int64_t j) {
  double x = rbm.hidden_bias().data()[j];
  for (int64_t i = 0; i < v.cols(); ++i) x += v.get(r, i) ? rbm.weights().get().row(i)[j] : 0.0f;
  return x;
}

TEST(half_steps_follow_the_formula) {
  for (int64_t visible : {1, 33, 127})
    for (int64_t hidden : {1, 31, 257}) {
      Rbm rbm = model(visible, hidden, 2);
      const BitTensor v = bits(9, visible, 4);
      const Tensor packed = rbm.hidden_mean(v, 0.5f);
      const Tensor dense = rbm.hidden_mean(ops::unpacked(context(), v), 0.5f);
      for (int64_t r = 0; r < 9; ++r)
        for (int64_t j = 0; j < hidden; ++j) {
          const double truth = 1.0 / (1.0 + std::exp(-0.5 * hidden_input(rbm, v, r, j)));
          CHECK_NEAR(packed.row(r)[j], truth, 1e-5);
          CHECK_NEAR(dense.row(r)[j], truth, 1e-5);
        }
    }
}

TEST(threads_do_not_change_a_pass) {
  for (int64_t batch : {1, 9, 64}) {
    const BitTensor v = bits(batch, 127, 5);
    const CdPass one = model(127, 65, 1).cd_pass(v, 3), four = model(127, 65, 4).cd_pass(v, 3);
    CHECK(same(one.h0.mean, four.h0.mean) && same(one.h0.sample, four.h0.sample));
    CHECK(same(one.v1.mean, four.v1.mean) && same(one.v1.sample, four.v1.sample));
    CHECK(same(one.h1.mean, four.h1.mean) && same(one.h1.sample, four.h1.sample));
  }
}

TEST(clamped_units_keep_their_values) {
  Rbm rbm = model(70, 33);
  const BitTensor v = bits(5, 70, 6), mask = bits(1, 70, 7, 0.5f);
  const Clamp clamp{mask, v};
  Sweeps sweeps;
  sweeps.steps = 4;
  sweeps.clamp = &clamp;
  const BitTensor after = rbm.gibbs_from_visible(v, sweeps).v1.sample;
  for (int64_t r = 0; r < 5; ++r)
    for (int64_t i = 0; i < 70; ++i)
      if (mask.get(0, i)) CHECK(after.get(r, i) == v.get(r, i));
}

// Sums exp(-beta F(v)) over all v by the definition.
double log_partition_of(const Rbm& rbm, double beta) {
  double total = 0;
  for (int64_t state = 0; state < int64_t{1} << rbm.visible_size(); ++state) {
    BitTensor v = BitTensor::zeros(1, rbm.visible_size());
    v.row(0)[0] = static_cast<uint64_t>(state);
    double term = 0;
    for (int64_t i = 0; i < v.cols(); ++i) term += v.get(0, i) * rbm.visible_bias().data()[i];
    double product = std::exp(beta * term);
    for (int64_t j = 0; j < rbm.hidden_size(); ++j)
      product *= 1.0 + std::exp(beta * hidden_input(rbm, v, 0, j));
    total += product;
  }
  return std::log(total);
}

TEST(log_partition_is_the_sum_over_states) {
  for (int64_t hidden : {1, 3, 12, 40})
    for (double beta : {1.0, 0.3}) {
      const Rbm rbm = model(11, hidden, 3);
      CHECK_NEAR(rbm.log_partition(beta), log_partition_of(rbm, beta), 1e-9);
    }
}

TEST(energies_agree_with_each_other) {
  const Rbm rbm = model(33, 1);
  const BitTensor v = bits(6, 33, 8), none = BitTensor::zeros(6, 1);
  BitTensor all = BitTensor::zeros(6, 1);
  for (int64_t r = 0; r < 6; ++r) all.set(r, 0);
  const auto off = rbm.energy(v, none, 0.7), on = rbm.energy(v, all, 0.7);
  const auto free = rbm.free_energy(v, 0.7), pseudo = rbm.pseudo_likelihood(v, 0.7);
  for (size_t r = 0; r < 6; ++r) {
    CHECK_NEAR(free[r], -std::log(std::exp(-off[r]) + std::exp(-on[r])), 1e-9);
    CHECK(pseudo[r] < 0.0);
  }
}

TEST(ais_brackets_the_exact_value) {
  const Rbm rbm = model(10, 6);
  std::vector<double> betas;
  for (int i = 0; i <= 400; ++i) betas.push_back(i / 400.0);
  Ais forwards(rbm, Tensor::zeros(1, 10), betas, 200, BitTensor(), 3);
  Ais backwards(rbm, Tensor::zeros(1, 10), betas, 0, bits(200, 10, 9), 4);
  for (Ais* ais : {&forwards, &backwards}) {
    CHECK(ais->advance(150) == 250 && ais->advance(1000) == 0);
    CHECK(ais->log_weights().size() == 200);
  }
  double mean = 0;
  for (double w : forwards.log_weights()) mean += std::exp(w) / 200;
  // 200 chains and 400 temperatures leave a standard error under 0.05 nats.
  CHECK_NEAR(forwards.log_partition_base() + std::log(mean), log_partition_of(rbm, 1.0), 0.5);
}

}  // namespace
}  // namespace gibbslab
