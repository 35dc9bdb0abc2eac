// Markov chains of the two-dimensional Ising model on an L x L torus, J = k_B = 1, no field:
//
//   p(s) ~ exp(-E(s) / T),  E(s) = -sum_<ij> s_i s_j,  s_i = -1 or +1
//
// Every site has a bond to its right and one to its lower neighbour, 2 L^2 in all; at L = 2 two
// sites are joined by two bonds.
#pragma once

#include <cstdint>
#include <vector>

#include "csrc/core/context.h"

namespace gibbslab {

// What one step of a chain does. All leave p(s) invariant; kHybrid is the first, then the second.
enum class IsingStep {
  kHeatBath,  // every site anew given its neighbours, one colour of the chequerboard, then the
              // other
  kWolff,     // one cluster is flipped (Wolff 1989)
  kHybrid
};

class Ising {
 public:
  // One chain for each temperature, which may come more than once; starts from fair coins.
  // Random words are addressed by seed, step, chain and site or bond, whatever the threads.
  Ising(int64_t size, const std::vector<double>& temperatures, IsingStep step, Context ctx);

  int64_t chains() const { return static_cast<int64_t>(odds_.size()); }
  int64_t sites() const { return sites_; }

  // Takes `steps` steps with every chain. An interrupt leaves the chains at different steps.
  void advance(int64_t steps);
  // spins (chains, L^2), row-major lattices: 1 for up, 0 for down.
  void read(float* out) const;
  void write(const float* spins);

 private:
  // Probabilities of a chain: up by the number of its neighbours that are up, and to join a bond.
  struct Odds {
    float up[5], join;
  };
  struct Neighbours {
    int32_t right, down, left, up;
  };
  struct Scratch;

  static Odds odds_at(double temperature);
  void connect();
  void draw_start();
  void run(int64_t chain, int64_t steps, Scratch& scratch);
  void heat_bath(int64_t chain, const float* uniforms);
  void wolff(int64_t chain, const float* uniforms, std::vector<int32_t>& stack);

  Context ctx_;
  int64_t size_, sites_, steps_ = 0;
  IsingStep step_;
  std::vector<Odds> odds_;
  std::vector<Neighbours> neighbours_;  // (L^2)
  std::vector<int32_t> order_;          // sites by colour
  std::vector<int8_t> up_;              // (chains, L^2), 1 for up
};

}  // namespace gibbslab
