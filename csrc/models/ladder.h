// The inverse temperatures of parallel tempering, and how often neighbours are exchanged.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace gibbslab {

class Ladder {
 public:
  // `betas` (T), T at least 1, in [0, 1], rising to 1; rounded to float32, as chains use them.
  explicit Ladder(std::vector<double> betas);

  int64_t size() const { return static_cast<int64_t>(betas_.size()); }
  double operator[](int64_t t) const { return betas_[static_cast<size_t>(t)]; }
  const std::vector<double>& betas() const { return betas_; }

  // `proposed` exchanges of levels t and t + 1, `accepted` the sum of their probabilities. Sums are
  // kept to float32, so that a file of float32 numbers holds the whole state.
  void count(int64_t t, double accepted, int64_t proposed);
  void forget();
  // Mean acceptance probability of each pair since forget(), (T - 1); NaN where none was proposed.
  std::vector<double> swap_rates() const;

  // Moves the inner temperatures `rate` of the way, in (0, 1], to where all pairs would reject
  // equally often, by linear interpolation of the summed rejection rates (Syed et al. 2022,
  // section 5.1), and forgets. Without a proposal of every pair it does nothing.
  void equalise(double rate);

  // What a resumed run needs besides betas(): the counts, (T - 1).
  const std::vector<double>& accepted() const { return accepted_; }
  const std::vector<double>& proposed() const { return proposed_; }

 private:
  std::vector<double> betas_, accepted_, proposed_;
};

}  // namespace gibbslab
