#include "csrc/models/ising.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "csrc/core/error.h"
#include "csrc/core/faults.h"
#include "csrc/core/interrupt.h"
#include "csrc/core/thread_pool.h"
#include "csrc/ops/backend.h"
#include "csrc/ops/random.h"

namespace gibbslab {
namespace {

// Visits of sites between two looks for Ctrl-C: some 20 ms of one thread.
constexpr int64_t kVisitsAtOnce = int64_t{1} << 21;

constexpr Layer kSites = Layer::kVisible, kBonds = Layer::kHidden, kStart = Layer::kData;

}  // namespace

// The uniforms of one chain at one step, and the sites of a growing cluster.
struct Ising::Scratch {
  Scratch(const Context& ctx, int64_t sites)
      : at_sites(ops::empty(ctx, 1, sites)), at_bonds(ops::empty(ctx, 1, 2 * sites + 1)) {}
  Tensor at_sites;
  Tensor
      at_bonds;  // right of site i in column 2 i, below it in 2 i + 1; the last one: where to grow
  std::vector<int32_t> stack;
};

Ising::Ising(int64_t size, const std::vector<double>& temperatures, IsingStep step, Context ctx)
    : ctx_(std::move(ctx)), size_(size), sites_(size * size), step_(step) {
  // The uniforms of all bonds are drawn at once: 134 MB at the largest L.
  require(size >= 2 && size <= 4096, "ising2d",
          [&] { return "L must be in 2 ... 4096, got " + std::to_string(size); });
  for (double t : temperatures) {
    require(t > 0 && std::isfinite(t), "ising2d",
            [&] { return "T must be finite and above 0, got " + std::to_string(t); });
    odds_.push_back(odds_at(t));
  }
  require(chains() >= 1, "ising2d", [] { return "T must have at least one value"; });
  connect();
  up_.resize(static_cast<size_t>(chains() * sites_));
  draw_start();
}

Ising::Odds Ising::odds_at(double temperature) {
  const double beta = 1.0 / temperature;
  const double field = fault("ising_half_field") ? 1.0 : 2.0;
  const double bond = fault("ising_bond_probability") ? 1.0 : 2.0;
  Odds odds;
  for (int k = 0; k < 5; ++k)  // 2 k - 4 is the sum of the neighbours' spins
    odds.up[k] = static_cast<float>(1.0 / (1.0 + std::exp(-field * beta * (2 * k - 4))));
  odds.join = static_cast<float>(-std::expm1(-bond * beta));
  return odds;
}

void Ising::connect() {
  const int32_t n = static_cast<int32_t>(size_), all = static_cast<int32_t>(sites_);
  for (int32_t i = 0; i < all; ++i) {
    const int32_t row = i - i % n, column = i % n;
    Neighbours at{row + (column + 1) % n, (i + n) % all, row + (column + n - 1) % n,
                  (i + all - n) % all};
    // Planted: a row runs on into the next one.
    if (fault("ising_rows_run_on")) at = {(i + 1) % all, at.down, (i + all - 1) % all, at.up};
    neighbours_.push_back(at);
  }
  for (int32_t colour = 0; colour < 2; ++colour)
    for (int32_t i = 0; i < all; ++i)
      if ((i / n + i % n) % 2 == colour) order_.push_back(i);
}

void Ising::draw_start() {
  const Draw draw{ctx_.seed(), stream_of(0, kStart), 0};
  parallel_for(ctx_.threads(), chains(), [&](int64_t chain) {
    Tensor u = ops::empty(ctx_, 1, sites_);
    ops::uniform(ctx_, {draw.seed, draw.stream, chain}, u);
    std::transform(u.data(), u.data() + sites_, &up_[chain * sites_],
                   [](float x) { return static_cast<int8_t>(x < 0.5f); });
  });
}

void Ising::advance(int64_t steps) {
  require(steps >= 0, "ising2d",
          [&] { return "steps must be at least 0, got " + std::to_string(steps); });
  while (steps > 0) {
    const int64_t now = std::clamp<int64_t>(kVisitsAtOnce / (sites_ * chains()), 1, steps);
    const int64_t together = std::max<int64_t>(kVisitsAtOnce / (sites_ * now), ctx_.threads());
    for (int64_t first = 0; first < chains(); first += together) {
      poll_interrupt();
      const Pieces pieces(std::min(together, chains() - first), 1, ctx_.threads());
      parallel_for(ctx_.threads(), pieces.count, [&](int64_t p) {
        Scratch scratch(ctx_, sites_);
        for (int64_t c = pieces.begin(p); c < pieces.end(p); ++c) run(first + c, now, scratch);
      });
    }
    steps_ += now;
    steps -= now;
  }
}

void Ising::run(int64_t chain, int64_t steps, Scratch& scratch) {
  const int64_t row = fault("ising_chains_share_words") ? 0 : chain;
  for (int64_t t = 0; t < steps; ++t) {
    const uint64_t at = fault("ising_steps_share_words") ? 0 : static_cast<uint64_t>(steps_ + t);
    if (step_ != IsingStep::kWolff) {
      ops::uniform(ctx_, {ctx_.seed(), stream_of(at, kSites), row}, scratch.at_sites);
      heat_bath(chain, scratch.at_sites.data());
    }
    if (step_ != IsingStep::kHeatBath) {
      ops::uniform(ctx_, {ctx_.seed(), stream_of(at, kBonds), row}, scratch.at_bonds);
      wolff(chain, scratch.at_bonds.data(), scratch.stack);
    }
  }
}

// In place: at odd L, where neighbours may share a colour, this is still one site after another.
void Ising::heat_bath(int64_t chain, const float* uniforms) {
  int8_t* up = &up_[chain * sites_];
  const Odds& odds = odds_[chain];
  for (const int32_t i : order_) {
    const Neighbours& at = neighbours_[i];
    up[i] = uniforms[i] < odds.up[up[at.right] + up[at.down] + up[at.left] + up[at.up]];
  }
}

void Ising::wolff(int64_t chain, const float* uniforms, std::vector<int32_t>& stack) {
  int8_t* up = &up_[chain * sites_];
  const float join = odds_[chain].join;
  const int32_t first = static_cast<int32_t>(std::min<int64_t>(
      static_cast<int64_t>(uniforms[2 * sites_] * static_cast<double>(sites_)), sites_ - 1));
  const int8_t old = up[first], flipped = old ^ 1;
  // A site is flipped as it joins, so that it joins once and each bond is tried at most once.
  const auto reach = [&](int32_t site, int64_t bond) {
    if (up[site] != old || uniforms[bond] >= join) return;
    up[site] = flipped;
    stack.push_back(site);
  };
  up[first] = flipped;
  stack.assign(1, first);
  while (!stack.empty()) {
    const int32_t i = stack.back();
    stack.pop_back();
    const Neighbours& at = neighbours_[i];
    reach(at.right, 2 * int64_t{i});
    reach(at.down, 2 * int64_t{i} + 1);
    reach(at.left, 2 * int64_t{at.left});
    reach(at.up, 2 * int64_t{at.up} + 1);
  }
}

void Ising::read(float* out) const { std::copy(up_.begin(), up_.end(), out); }

void Ising::write(const float* spins) {
  for (size_t i = 0; i < up_.size(); ++i)
    require(spins[i] == 0.0f || spins[i] == 1.0f, "ising2d", [] { return "spins must be 0 or 1"; });
  std::copy(spins, spins + up_.size(), up_.begin());
}

}  // namespace gibbslab
