#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "csrc/models/rbm_trainer.h"
#include "tests/cpp/check.h"
#include "tests/cpp/random_data.h"

namespace gibbslab {
namespace {

using check_data::bits;
using check_data::context;
using check_data::reals;
using check_data::same;

constexpr int64_t kRows = 37, kVisible = 70, kHidden = 33;

struct Run {
  Rbm rbm;
  TrainResult result;
};

Dataset binary_data() { return {context(), ops::unpacked(context(), bits(kRows, kVisible, 1))}; }

Dataset grey_data() {
  Tensor x = reals(kRows, kVisible, 2);
  ops::sigmoid(context(), x, x);
  return {context(), x};
}

// Two epochs of batches of 10, the last of each with 7 rows.
Run train(const TrainOptions& options, const Dataset& data, int threads = 1, float rate = 0.1f) {
  Run run{Rbm(context(threads), kVisible, kHidden), {}};
  run.rbm.initialize(0.1f);
  RbmTrainer trainer(run.rbm, options);
  std::vector<int64_t> order(kRows);
  std::iota(order.rbegin(), order.rend(), int64_t{0});
  for (int epoch = 0; epoch < 2 && run.result.diverged.empty(); ++epoch)
    run.result = trainer.train(data, order.data(), kRows, 10, 0, 1000, rate);
  return run;
}

bool finite(const Tensor& x) {
  for (int64_t r = 0; r < x.rows(); ++r)
    for (int64_t c = 0; c < x.cols(); ++c)
      if (!std::isfinite(x.row(r)[c])) return false;
  return true;
}

std::vector<TrainOptions> variants() {
  std::vector<TrainOptions> out(6);
  for (TrainOptions& options : out) options.n_chains = 13;
  out[0].persistent = false;
  out[1].momentum = 0.9f;
  out[2].l1 = out[2].l2 = 0.01f;
  out[2].max_norm = 0.5f;
  out[3].centered = true;
  out[3].hidden_samples = true;
  out[4].sparsity_cost = 0.1f;
  out[4].sparsity_target = 0.05f;
  out[5].sample_input = true;
  out[5].k = 3;
  return out;
}

TEST(every_option_trains_whatever_the_threads) {
  for (const Dataset& data : {binary_data(), grey_data()})
    for (const TrainOptions& options : variants()) {
      const Run one = train(options, data, 1), three = train(options, data, 3);
      CHECK(one.result.batches == 4 && one.result.diverged.empty());
      CHECK(finite(one.rbm.weights().get()) && finite(one.rbm.visible_bias()));
      CHECK(same(one.rbm.weights().get(), three.rbm.weights().get()));
      CHECK(same(one.rbm.visible_bias(), three.rbm.visible_bias()));
      CHECK(same(one.rbm.hidden_bias(), three.rbm.hidden_bias()));
    }
}

TEST(training_changes_the_model) {
  Rbm fresh(context(), kVisible, kHidden);
  fresh.initialize(0.1f);
  for (const TrainOptions& options : variants())
    CHECK(!same(train(options, binary_data()).rbm.weights().get(), fresh.weights().get()));
}

TEST(a_step_that_would_blow_up_is_not_taken) {
  for (const TrainOptions& options : variants()) {
    const Run run = train(options, binary_data(), 2, std::numeric_limits<float>::infinity());
    CHECK(run.result.diverged == "W" && run.result.batches == 0);
    CHECK(finite(run.rbm.weights().get()) && finite(run.rbm.hidden_bias()));
  }
}

TEST(a_biased_unit_diverges_by_name) {
  TrainOptions options;
  options.persistent = false;
  options.momentum = 1.0f;
  Rbm rbm(context(), kVisible, kHidden);
  Tensor bias = Tensor::zeros(1, kVisible);
  bias.row(0)[3] = std::numeric_limits<float>::max();
  rbm.set_visible_bias(bias);
  RbmTrainer trainer(rbm, options);
  trainer.velocity_visible().row(0)[3] = 1.0f;
  const int64_t order[] = {0, 1, 2};
  const Dataset data = binary_data();
  CHECK(trainer.train(data, order, 3, 3, 0, 1, 1e38f).diverged == "v_bias");
  CHECK(rbm.visible_bias().row(0)[3] == std::numeric_limits<float>::max());
}

TEST(batches_can_be_taken_one_by_one) {
  TrainOptions options;
  options.n_chains = 5;
  options.momentum = 0.5f;
  const Dataset data = binary_data();
  std::vector<int64_t> order(kRows);
  std::iota(order.begin(), order.end(), int64_t{0});
  Rbm whole(context(), kVisible, kHidden), parts(context(), kVisible, kHidden);
  RbmTrainer a(whole, options), b(parts, options);
  CHECK(a.train(data, order.data(), kRows, 10, 0, 4, 0.1f).batches == 4);
  for (int64_t batch = 0; batch < 4; ++batch)
    CHECK(b.train(data, order.data(), kRows, 10, batch, batch + 1, 0.1f).batches == 1);
  CHECK(same(whole.weights().get(), parts.weights().get()));
}

}  // namespace
}  // namespace gibbslab
