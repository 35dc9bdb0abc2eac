// Half-steps and the statistics of contrastive divergence, at sizes past the edges of tiles.
#include "tests/emulator/kernels/both.h"

namespace gibbslab::kernel_cases {
namespace {

constexpr int64_t kRows = 33, kVisible = 67, kHidden = 35;

States states(const Context& ctx, bool binary, int64_t rows, int64_t cols, uint64_t stream) {
  if (binary) return bits(ctx, rows, cols, stream);
  return greys(ctx, rows, cols, stream);
}

void half_step(bool binary, Direction direction) {
  agree([=](const Context& ctx) {
    const bool up = direction == Direction::kUp;
    const int64_t in = up ? kVisible : kHidden, out = up ? kHidden : kVisible;
    const States x = states(ctx, binary, kRows, in, 1);
    const Weights w(reals(ctx, kVisible, kHidden, 2));
    const Tensor bias = reals(ctx, 1, out, 3), added = reals(ctx, kRows, out, 4);
    Tensor pre = ops::zeros(ctx, kRows, out), mean = pre.clone();
    BitTensor sample = ops::zero_bits(ctx, kRows, out);
    HalfStep step{&x, &w, &bias, direction, 0.3f, {5, 6, 7}, &pre, &mean, &sample};
    Values found;
    for (const Tensor* more : {static_cast<const Tensor*>(nullptr), &added}) {
      step.added = more;
      ops::half_step(ctx, step);
      found.add(pre);
      found.add(mean);
      found.add(sample);
    }
    return found;
  });
}

// Who is packed: the states of both phases, and the hidden ones of both.
struct Kinds {
  bool v, h;
};

struct Phases {
  States v0, h0, v1, h1;
  Phases(const Context& ctx, Kinds kinds)
      : v0(states(ctx, kinds.v, kRows, kVisible, 1)),
        h0(states(ctx, kinds.h, kRows, kHidden, 2)),
        v1(states(ctx, kinds.v, kRows + 2, kVisible, 3)),
        h1(states(ctx, kinds.h, kRows + 2, kHidden, 4)) {}
  CdStatistics job() const { return {&v0, &h0, &v1, &h1, 0.25f, 0.5f}; }
};

void cd_statistics(Kinds kinds) {
  agree([=](const Context& ctx) {
    const Phases phases(ctx, kinds);
    Tensor out = ops::zeros(ctx, kVisible, kHidden);
    ops::cd_statistics(ctx, phases.job(), out);
    Values found;
    found.add(out);
    return found;
  });
}

void cd_update(Kinds kinds) {
  agree([=](const Context& ctx) {
    const Phases phases(ctx, kinds);
    const Tensor w = reals(ctx, kVisible, kHidden, 5), velocity = reals(ctx, kVisible, kHidden, 6),
                 of_rows = reals(ctx, 1, kVisible, 7), of_columns = reals(ctx, 1, kHidden, 8);
    Tensor new_w = ops::zeros(ctx, kVisible, kHidden), new_velocity = new_w.clone(),
           transposed = ops::zeros(ctx, kHidden, kVisible);
    Update job;
    job.weight = &w;
    job.velocity = &velocity;
    job.new_weight = &new_w;
    job.new_velocity = &new_velocity;
    job.new_transposed = &transposed;
    job.row_mean = job.row_shift = job.row_pressure = &of_rows;
    job.shift = job.mean = job.pressure = &of_columns;
    job.learning_rate = 0.1f, job.momentum = 0.5f, job.l1 = 0.01f, job.l2 = 0.02f;
    Values found;
    found.add(ops::cd_update(ctx, phases.job(), job));
    for (const Tensor* x : {&new_w, &new_velocity, &transposed}) found.add(*x);
    return found;
  });
}

}  // namespace

TEST(half_step_of_bits_up) { half_step(true, Direction::kUp); }
TEST(half_step_of_bits_down) { half_step(true, Direction::kDown); }
TEST(half_step_of_greys_up) { half_step(false, Direction::kUp); }
TEST(half_step_of_greys_down) { half_step(false, Direction::kDown); }

TEST(activate) {
  agree([](const Context& ctx) {
    const Tensor pre = reals(ctx, kRows, kHidden, 1);
    Tensor mean = ops::zeros(ctx, kRows, kHidden);
    BitTensor sample = ops::zero_bits(ctx, kRows, kHidden);
    ops::activate(ctx, pre, 0.7f, {5, 6, 7}, &mean, &sample);
    Values found;
    found.add(mean);
    found.add(sample);
    return found;
  });
}

TEST(cd_statistics_of_bits) { cd_statistics({true, true}); }
TEST(cd_statistics_of_bits_and_means) { cd_statistics({true, false}); }
TEST(cd_statistics_of_greys) { cd_statistics({false, false}); }
TEST(cd_update_of_bits) { cd_update({true, true}); }
TEST(cd_update_of_greys) { cd_update({false, false}); }

}  // namespace gibbslab::kernel_cases
