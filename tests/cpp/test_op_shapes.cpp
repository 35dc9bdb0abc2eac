// Every op refuses operands that do not fit, naming itself and the operand.
#include <vector>

#include "csrc/core/error.h"
#include "tests/cpp/check.h"
#include "tests/cpp/random_data.h"

namespace gibbslab {
namespace {

using check_data::context;

const Tensor k34 = Tensor::zeros(3, 4), k35 = Tensor::zeros(3, 5), k13 = Tensor::zeros(1, 3),
             k14 = Tensor::zeros(1, 4);

template <class T>
T zeros(int64_t rows, int64_t cols) {
  return T::zeros(rows, cols);
}

TEST(elementwise) {
  Tensor out = zeros<Tensor>(3, 5);
  BitTensor bits = zeros<BitTensor>(3, 5);
  CHECK_THROWS(ShapeError, "[sigmoid] out must have the shape of x (3, 4), got (3, 5)",
               ops::sigmoid(context(), k34, out));
  CHECK_THROWS(ShapeError, "[unpack] out", ops::unpack(context(), zeros<BitTensor>(3, 4), out));
  CHECK_THROWS(ShapeError, "[pack] out", ops::pack(context(), k34, bits));
}

TEST(overwrite) {
  States states = zeros<BitTensor>(3, 4);
  const States known = zeros<BitTensor>(3, 4), narrow = zeros<BitTensor>(3, 3);
  const BitTensor mask = zeros<BitTensor>(1, 4);
  CHECK_THROWS(ShapeError, "[overwrite] mask must have shape (3, 4) or (1, 4), got (2, 4)",
               ops::overwrite(context(), zeros<BitTensor>(2, 4), known, states));
  CHECK_THROWS(ShapeError, "[overwrite] mask",
               ops::overwrite(context(), zeros<BitTensor>(3, 5), known, states));
  CHECK_THROWS(ShapeError, "[overwrite] known must have shape (3, 4), got (3, 3)",
               ops::overwrite(context(), mask, narrow, states));
}

TEST(linalg) {
  Tensor out = zeros<Tensor>(3, 3);
  CHECK_THROWS(ShapeError, "[matmul] b must have 4 rows (after transposition), got 5",
               ops::matmul(context(), k34, false, k35, true, 1.0f, 0.0f, out));
  CHECK_THROWS(ShapeError, "[matmul] out must have shape (4, 5), got (3, 3)",
               ops::matmul(context(), k34, true, k35, false, 1.0f, 0.0f, out));
  CHECK_THROWS(ShapeError, "[transpose] out must have shape (4, 3), got (3, 3)",
               ops::transpose(context(), k34, out));
}

TEST(random) {
  BitTensor bits = zeros<BitTensor>(4, 3);
  CHECK_THROWS(ShapeError, "[bernoulli] out must have the shape of p (3, 4), got (4, 3)",
               ops::bernoulli(context(), k34, {}, bits));
}

// A half-step of (2, 3) inputs through (3, 4) weights, with one operand replaced.
HalfStep half_step(const States& input, const Weights& weights, const Tensor& bias) {
  HalfStep step;
  step.input = &input;
  step.weights = &weights;
  step.bias = &bias;
  return step;
}

TEST(half_step_and_activate) {
  const Weights weights(zeros<Tensor>(3, 4));
  const States visible = zeros<BitTensor>(2, 3), hidden = zeros<BitTensor>(2, 4);
  Tensor wrong = zeros<Tensor>(2, 5);
  BitTensor wrong_bits = zeros<BitTensor>(1, 4);
  CHECK_THROWS(ShapeError, "[half_step] input must have shape (2, 3), got (2, 4)",
               ops::half_step(context(), half_step(hidden, weights, k14)));
  CHECK_THROWS(ShapeError, "[half_step] bias must have shape (1, 4), got (1, 3)",
               ops::half_step(context(), half_step(visible, weights, k13)));
  HalfStep step = half_step(hidden, weights, k13);
  step.direction = Direction::kDown;
  step.mean = &wrong;
  CHECK_THROWS(ShapeError, "[half_step] mean must have shape (2, 3), got (2, 5)",
               ops::half_step(context(), step));
  step = half_step(visible, weights, k14);
  step.pre = &wrong;
  CHECK_THROWS(ShapeError, "[half_step] pre", ops::half_step(context(), step));
  step.pre = nullptr;
  step.sample = &wrong_bits;
  CHECK_THROWS(ShapeError, "[half_step] sample", ops::half_step(context(), step));
  CHECK_THROWS(ShapeError, "[activate] mean",
               ops::activate(context(), k34, 1.0f, {}, &wrong, nullptr));
  CHECK_THROWS(ShapeError, "[activate] sample must have shape (3, 4), got (1, 4)",
               ops::activate(context(), k34, 1.0f, {}, nullptr, &wrong_bits));
  CHECK_THROWS(ShapeError, "[activate_rows] scales must have shape (1, 3), got (1, 4)",
               ops::activate_rows(context(), k34, k14, {}, nullptr, nullptr));
  CHECK_THROWS(ShapeError, "[activate_rows] mean",
               ops::activate_rows(context(), k34, k13, {}, &wrong, nullptr));
  CHECK_THROWS(ShapeError, "[activate_rows] sample",
               ops::activate_rows(context(), k34, k13, {}, nullptr, &wrong_bits));
}

TEST(chains) {
  const Weights weights(zeros<Tensor>(3, 4));
  BitTensor v = zeros<BitTensor>(2, 3), h = zeros<BitTensor>(2, 4);
  Anneal anneal;
  anneal.model = {&weights, &k13, &k13};
  anneal.base_bias = &k13;
  anneal.bias_difference = &k14;
  anneal.v = &v;
  CHECK_THROWS(ShapeError, "[anneal] hidden_bias must have shape (1, 4), got (1, 3)",
               ops::anneal(context(), anneal));
  anneal.model.hidden_bias = &k14;
  CHECK_THROWS(ShapeError, "[anneal] bias_difference must have shape (1, 3), got (1, 4)",
               ops::anneal(context(), anneal));
  anneal.bias_difference = &k13;
  anneal.v = &h;
  CHECK_THROWS(ShapeError, "[anneal] v must have shape (2, 3), got (2, 4)",
               ops::anneal(context(), anneal));
  ChainSweeps sweeps;
  sweeps.model = {&weights, &k13, &k14};
  sweeps.from_hidden = true;
  sweeps.start = &v;
  CHECK_THROWS(ShapeError, "[sweep_chains] start must have shape (2, 4), got (2, 3)",
               ops::sweep_chains(context(), sweeps));
  sweeps.start = &h;
  sweeps.mask = &h;
  CHECK_THROWS(ShapeError, "[sweep_chains] mask must have shape (2, 3), got (2, 4)",
               ops::sweep_chains(context(), sweeps));
}

TEST(chains_are_not_offered_by_the_cpu) {
  const Weights weights(zeros<Tensor>(3, 4));
  BitTensor v = zeros<BitTensor>(2, 3);
  ChainSweeps sweeps;
  sweeps.model = {&weights, &k13, &k14};
  sweeps.start = &v;
  CHECK(!ops::offers_chains(context(), {2, 3, 4, 100}));
  CHECK_THROWS(DeviceError, "[sweep_chains] the backend does not offer it",
               ops::sweep_chains(context(), sweeps));
}

// The state of an RBM (3, 4) with one chain.
CdState cd_state() {
  CdState state;
  state.weights = zeros<Tensor>(3, 4);
  state.visible_bias = k13.clone();
  state.hidden_bias = k14.clone();
  state.chains = zeros<BitTensor>(1, 4);
  return state;
}

TEST(cd_run) {
  const BitTensor data = zeros<BitTensor>(2, 3), wide = zeros<BitTensor>(2, 4);
  const int64_t order[] = {1, 0};
  CdState state = cd_state(), spare = cd_state();
  CdRun job;
  job.data = &wide;
  job.order = order;
  job.rows = 2;
  job.state = &state;
  job.spare = &spare;
  CHECK_THROWS(ShapeError, "[cd_run] weights must have shape (4, 4), got (3, 4)",
               ops::cd_run(context(), job));
  job.data = &data;
  job.k = 0;
  CHECK_THROWS(ShapeError, "[cd_run] rows, batch and k must be at least 1",
               ops::cd_run(context(), job));
  job.k = 1;
  job.momentum = 0.5f;
  CHECK_THROWS(ShapeError, "[cd_run] momentum needs velocities", ops::cd_run(context(), job));
  job.momentum = 0.0f;
  spare.chains = zeros<BitTensor>(2, 4);
  CHECK_THROWS(ShapeError, "[cd_run] chains must have shape (1, 4), got (2, 4)",
               ops::cd_run(context(), job));
  spare.chains = zeros<BitTensor>(1, 4);
  CHECK(!ops::offers_cd_run(context(), {3, 4, 1, 1, 1}));
  CHECK_THROWS(DeviceError, "[cd_run] the backend does not offer it", ops::cd_run(context(), job));
}

TEST(cd_statistics) {
  Tensor out = zeros<Tensor>(3, 4);
  const States v = zeros<BitTensor>(2, 3), h = zeros<BitTensor>(2, 4), longer = zeros<Tensor>(5, 4);
  CHECK_THROWS(ShapeError, "[cd_statistics] v0 must have shape (2, 3), got (2, 4)",
               ops::cd_statistics(context(), {&h, &h, &v, &h}, out));
  CHECK_THROWS(ShapeError, "[cd_statistics] h0 must have shape (2, 4), got (5, 4)",
               ops::cd_statistics(context(), {&v, &longer, &v, &h}, out));
  CHECK_THROWS(ShapeError, "[cd_statistics] v1",
               ops::cd_statistics(context(), {&v, &h, &h, &h}, out));
  CHECK_THROWS(ShapeError, "[cd_statistics] h1",
               ops::cd_statistics(context(), {&v, &h, &v, &longer}, out));
}

TEST(reductions) {
  const Tensor w = zeros<Tensor>(3, 4);
  const RbmView rbm{&w, &k13, &k14, 1.0};
  const States v = zeros<BitTensor>(2, 3), h = zeros<BitTensor>(2, 4), h3 = zeros<BitTensor>(3, 4);
  std::vector<double> out(8);
  Tensor sums = zeros<Tensor>(1, 4);
  CHECK_THROWS(ShapeError, "[column_sums] out must have 3 columns, got 4",
               ops::column_sums(context(), v, 1.0f, false, sums));
  CHECK_THROWS(ShapeError, "[free_energy] v must have 3 columns, got 4",
               ops::free_energy(context(), rbm, h, out.data()));
  CHECK_THROWS(ShapeError, "[energy] v", ops::energy(context(), rbm, h, h, out.data()));
  CHECK_THROWS(ShapeError, "[energy] h must have 4 columns, got 3",
               ops::energy(context(), rbm, v, v, out.data()));
  CHECK_THROWS(ShapeError, "[energy] h must have as many rows as v (2), got 3",
               ops::energy(context(), rbm, v, h3, out.data()));
  CHECK_THROWS(ShapeError, "[pseudo_likelihood] v",
               ops::pseudo_likelihood(context(), rbm, h.bits(), out.data()));
  CHECK_THROWS(ShapeError, "[softplus_difference] low and high must be at least 0",
               ops::softplus_difference(context(), k34, -0.5f, 1.0f, out.data()));
  CHECK_THROWS(ShapeError, "[weighted_sums] weights",
               ops::weighted_sums(context(), v, k14, 1.0, out.data()));
  CHECK_THROWS(ShapeError, "[weighted_sums] weights must have 1 or 2 rows, got 3",
               ops::weighted_sums(context(), h, k34, 1.0, out.data()));
}

TEST(log_partition_is_bounded) {
  const Tensor w = zeros<Tensor>(26, 27), a = zeros<Tensor>(1, 26), b = zeros<Tensor>(1, 27);
  CHECK_THROWS(ShapeError, "[log_partition] the smaller layer must have at most 25 units",
               ops::log_partition(context(), {&w, &a, &b, 1.0}));
}

Update fitting(const Tensor& weight, Tensor& out) {
  Update job;
  job.weight = job.gradient = &weight;
  job.new_weight = &out;
  return job;
}

TEST(update) {
  Tensor weight = zeros<Tensor>(3, 4), other = zeros<Tensor>(3, 4), narrow = zeros<Tensor>(3, 3);
  CHECK(ops::update(context(), fitting(weight, other)));
  Update job = fitting(weight, other);
  job.gradient = &narrow;
  CHECK_THROWS(ShapeError, "[update] gradient must have shape (3, 4), got (3, 3)",
               ops::update(context(), job));
  job = fitting(weight, narrow);
  CHECK_THROWS(ShapeError, "[update] new_weight", ops::update(context(), job));
  job = fitting(weight, other);
  job.momentum = 0.5f;
  CHECK_THROWS(ShapeError, "[update] momentum needs a velocity", ops::update(context(), job));
  job.velocity = &weight;
  CHECK_THROWS(ShapeError, "[update] velocity and new_velocity must be given together",
               ops::update(context(), job));
  job.new_velocity = &narrow;
  CHECK_THROWS(ShapeError, "[update] new_velocity", ops::update(context(), job));
  CHECK_THROWS(ShapeError, "[limit_column_norms] max_norm must be positive",
               ops::limit_column_norms(context(), 0.0f, weight));
}

TEST(rank_one_terms_of_an_update) {
  Tensor weight = zeros<Tensor>(3, 4), other = zeros<Tensor>(3, 4);
  Update job = fitting(weight, other);
  job.row_mean = &k14;
  job.shift = &k14;
  CHECK_THROWS(ShapeError, "[update] row_mean must have shape (1, 3), got (1, 4)",
               ops::update(context(), job));
  job.row_mean = &k13;
  CHECK(ops::update(context(), job));
  job.row_shift = &k13;
  CHECK_THROWS(ShapeError, "[update] the factors of a rank-one term must be given together",
               ops::update(context(), job));
  job.mean = &k13;
  CHECK_THROWS(ShapeError, "[update] mean must have shape (1, 4), got (1, 3)",
               ops::update(context(), job));
}

TEST(cd_update) {
  Tensor weight = zeros<Tensor>(3, 4), other = zeros<Tensor>(3, 4);
  const States v = zeros<BitTensor>(2, 3), h = zeros<BitTensor>(2, 4);
  Update job = fitting(weight, other);
  CHECK_THROWS(ShapeError, "[cd_update] v1 must have shape (2, 3), got (2, 4)",
               ops::cd_update(context(), {&v, &h, &h, &h}, job));
  CHECK(ops::cd_update(context(), {&v, &h, &v, &h}, job));
  job.new_transposed = &other;
  CHECK_THROWS(ShapeError, "[cd_update] new_transposed must have shape (4, 3), got (3, 4)",
               ops::cd_update(context(), {&v, &h, &v, &h}, job));
}

}  // namespace
}  // namespace gibbslab
