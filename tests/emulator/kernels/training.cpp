// Training by contrastive divergence in runs of many batches.
#include <numeric>

#include "csrc/models/rbm_trainer.h"
#include "tests/emulator/kernels/both.h"

namespace gibbslab::kernel_cases {
namespace {

constexpr int64_t kRows = 41, kVisible = 70, kHidden = 19;

// Two epochs, with the trainer's own memory and its draws; the last batch of each is short.
Values trained(const Context& ctx, const TrainOptions& options, int64_t batch) {
  Rbm rbm(ctx, kVisible, kHidden);
  rbm.initialize(0.3f);
  RbmTrainer trainer(rbm, options);
  const Dataset data(ctx, ops::unpacked(ctx, bits(ctx, kRows, kVisible, 1)));
  std::vector<int64_t> order(kRows);
  std::iota(order.rbegin(), order.rend(), int64_t{0});
  for (int epoch = 0; epoch < 2; ++epoch)
    CHECK(trainer.train(data, order.data(), kRows, batch, 0, kRows, 0.05f).diverged.empty());
  Values out;
  out.add(rbm.weights().get());
  out.add(rbm.visible_bias());
  out.add(rbm.hidden_bias());
  out.add(trainer.velocity_weights());
  if (options.persistent) out.add(trainer.chains());
  out.add(static_cast<double>(rbm.context().draws()));
  return out;
}

TEST(training_cd) {
  TrainOptions options;
  options.persistent = false;
  options.momentum = 0.5f;
  agree([&](const Context& ctx) { return trained(ctx, options, 16); });
}

TEST(training_pcd) {
  TrainOptions options;
  options.n_chains = 35;
  options.k = 2;
  agree([&](const Context& ctx) { return trained(ctx, options, 4); });
}

}  // namespace
}  // namespace gibbslab::kernel_cases
