// Many chains in one launch: Gibbs sweeps and annealed importance sampling, in the form that
// GIBBSLAB_CUDA_CHAINS names.
#include "csrc/models/ais.h"
#include "tests/emulator/kernels/both.h"

namespace gibbslab::kernel_cases {
namespace {

constexpr int64_t kChains = 9, kVisible = 37, kHidden = 35;

Rbm model(const Context& ctx) {
  Rbm rbm(ctx, kVisible, kHidden);
  rbm.set_weights(reals(ctx, kVisible, kHidden, 1));
  rbm.set_visible_bias(reals(ctx, 1, kVisible, 2));
  rbm.set_hidden_bias(reals(ctx, 1, kHidden, 3));
  return rbm;
}

void gibbs(bool from_hidden, const std::function<Clamp(const Context&)>& clamp) {
  agree([=](const Context& ctx) {
    Rbm rbm = model(ctx);
    const Clamp held = clamp ? clamp(ctx) : Clamp{};
    const Sweeps sweeps{3, 0.2f, clamp ? &held : nullptr};
    const BitTensor start = bits(ctx, kChains, from_hidden ? kHidden : kVisible, 4);
    const CdPass pass =
        from_hidden ? rbm.gibbs_from_hidden(start, sweeps) : rbm.gibbs_from_visible(start, sweeps);
    Values found;
    for (const LayerState* layer : {&pass.v1, &pass.h1}) {
      found.add(layer->mean);
      found.add(layer->sample);
    }
    return found;
  });
}

Clamp clamp_of(const Context& ctx, int64_t rows) {
  return {bits(ctx, rows, kVisible, 5), bits(ctx, kChains, kVisible, 6)};
}

void anneal(bool backwards) {
  agree([=](const Context& ctx) {
    const Rbm rbm = model(ctx);
    const BitTensor start = backwards ? bits(ctx, kChains, kVisible, 4) : BitTensor();
    Ais run(rbm, reals(ctx, 1, kVisible, 5), {0.0, 0.3, 0.3, 0.6, 1.0}, kChains, start, 3);
    CHECK(run.advance(100) == 0);
    Values found;
    found.add(run.log_weights());
    return found;
  });
}

}  // namespace

TEST(chains_from_visible) { gibbs(false, nullptr); }
TEST(chains_from_hidden) { gibbs(true, nullptr); }
TEST(chains_with_a_mask) {
  gibbs(false, [](const Context& ctx) { return clamp_of(ctx, 1); });
}
TEST(chains_with_masks) {
  gibbs(false, [](const Context& ctx) { return clamp_of(ctx, kChains); });
}
TEST(chains_annealed) { anneal(false); }
TEST(chains_annealed_backwards) { anneal(true); }

}  // namespace gibbslab::kernel_cases
