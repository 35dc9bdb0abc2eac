#include "csrc/models/ladder.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "csrc/core/error.h"

namespace gibbslab {
namespace {

// Rejection that every pair is taken to have at least: distances stay positive.
constexpr double kLeastRejection = 1e-3;

double rounded(double x) { return static_cast<double>(static_cast<float>(x)); }

// The beta at which the broken line through (distance_t, beta_t) reaches `at`.
double where(const std::vector<double>& distance, const std::vector<double>& betas, double at) {
  const size_t above = static_cast<size_t>(
      std::upper_bound(distance.begin() + 1, distance.end() - 1, at) - distance.begin());
  const double share = (at - distance[above - 1]) / (distance[above] - distance[above - 1]);
  return betas[above - 1] + share * (betas[above] - betas[above - 1]);
}

}  // namespace

Ladder::Ladder(std::vector<double> betas) : betas_(std::move(betas)) {
  const bool rising = !betas_.empty() && betas_.front() >= 0.0 && betas_.back() == 1.0 &&
                      std::is_sorted(betas_.begin(), betas_.end());
  require(rising, "tempering", [&] { return "betas must rise, from at least 0 to 1"; });
  std::transform(betas_.begin(), betas_.end(), betas_.begin(), rounded);
  forget();
}

void Ladder::count(int64_t t, double accepted, int64_t proposed) {
  const size_t pair = static_cast<size_t>(t);
  accepted_[pair] = rounded(accepted_[pair] + accepted);
  proposed_[pair] = rounded(proposed_[pair] + static_cast<double>(proposed));
}

void Ladder::forget() {
  accepted_.assign(betas_.size() - 1, 0.0);
  proposed_.assign(betas_.size() - 1, 0.0);
}

std::vector<double> Ladder::swap_rates() const {
  std::vector<double> rates(accepted_.size(), std::numeric_limits<double>::quiet_NaN());
  for (size_t t = 0; t < rates.size(); ++t)
    if (proposed_[t] > 0.0) rates[t] = accepted_[t] / proposed_[t];
  return rates;
}

void Ladder::equalise(double rate) {
  require(rate > 0.0 && rate <= 1.0, "tempering",
          [&] { return "rate must be in (0, 1], got " + std::to_string(rate); });
  const std::vector<double> rates = swap_rates();
  if (!std::all_of(proposed_.begin(), proposed_.end(), [](double n) { return n > 0.0; })) return;
  std::vector<double> distance{0.0}, moved = betas_;
  for (const double accepted : rates)
    distance.push_back(distance.back() + std::max(1.0 - accepted, kLeastRejection));
  const double step = distance.back() / static_cast<double>(std::max<size_t>(rates.size(), 1));
  for (size_t t = 1; t + 1 < betas_.size(); ++t) {
    const double equal = where(distance, betas_, static_cast<double>(t) * step);
    moved[t] = rounded((1.0 - rate) * betas_[t] + rate * equal);
  }
  betas_ = moved;
  forget();
}

}  // namespace gibbslab
