// Restricted Boltzmann machines of any admissible pair of unit types.
//
//   E(v, h) = -v^T W~ h - a~^T v - b~^T h + q(v) + q(h) + constant,  p(v, h) ~ m m' exp(-E / T0)
//   W~ = W / (s_i s_j), a~ = a / s_i, b~ = b / s_j,  s the variance of a Gaussian unit, else 1
//   q(x) = sum x^2 / (2 s) over Gaussian units; the constant makes them (x - bias)^2 / (2 s)
//
// m counts the copies behind a binomial or rectified state (csrc/core/unit_formulas.h). beta, where
// it is asked for, divides T0. All states are float32.
#pragma once

#include <functional>
#include <vector>

#include "csrc/core/context.h"
#include "csrc/core/tensor.h"
#include "csrc/models/rbm.h"
#include "csrc/ops/units.h"

namespace gibbslab {

enum class Side { kVisible, kHidden };

constexpr Side other(Side side) { return side == Side::kVisible ? Side::kHidden : Side::kVisible; }

// What one half-step leaves, (B, N); either may be empty.
struct UnitState {
  Tensor mean, sample;
};

struct UnitPass {
  UnitState h0, v1, h1;
};

// Exact or sampled averages: of v h^T (V, H), v (1, V), h (1, H), and, where a visible variance is
// learned, of v^2 and of v times its input W~ h (1, V).
struct UnitMoments {
  Tensor products, visible, hidden, squares, inputs;
};

class UnitRbm {
 public:
  UnitRbm(Context ctx, int64_t visible_size, int64_t hidden_size, UnitType visible, UnitType hidden,
          double temperature);

  int64_t visible_size() const { return weights_.rows(); }
  int64_t hidden_size() const { return weights_.cols(); }
  int64_t size(Side side) const { return bias(side).cols(); }
  Context& context() { return ctx_; }
  const Context& context() const { return ctx_; }
  double temperature() const { return temperature_; }
  const UnitType& type(Side side) const { return at(side).type; }
  bool gaussian(Side side) const { return type(side).kind == UnitKind::kGaussian; }

  // W (V, H), biases and variances (1, N), in the units of the states; 1 where not Gaussian.
  const Tensor& weights() const { return weights_; }
  const Tensor& bias(Side side) const { return at(side).bias; }
  const Tensor& variance(Side side) const { return at(side).variance; }
  void set_weights(Tensor w);
  void set_bias(Side side, Tensor bias);
  void set_variance(Side side, Tensor variance);
  // W ~ Normal(0, deviation^2), biases 0.
  void initialize(float deviation);

  // The parameters W~, a~, b~ of the exponential families.
  const Tensor& natural_weights() const;
  const Tensor& natural_bias(Side side) const;
  // sum of bias^2 / (2 variance) over the Gaussian units.
  double constant() const;
  // A layer's type with its variances, for the ops; `stiffness` is beta / T0.
  Units units(Side side, double stiffness) const;
  // The same with the exact distribution where samples are drawn by an approximation.
  Units exact_units(Side side, double stiffness) const;

  // x W~ or x W~^T: what the layer `to` receives from the states x of the other.
  Tensor product(Side to, const Tensor& x) const;
  UnitState half_step(Side to, const Tensor& x, double beta, bool mean, bool sample);

  // h0 from v, then k sweeps from its sample.
  UnitPass cd_pass(const Tensor& v, int64_t k);
  // Sweeps h -> v -> h, or v -> h -> v; the returned v1 keeps the clamped units.
  UnitPass gibbs(Side from, const Tensor& start, const Sweeps& sweeps);

  // -log sum_h m m' exp(-beta E / T0), in nats; with an integral for Gaussian hidden units.
  std::vector<double> free_energy(const Tensor& v, double beta) const;
  // log of the same, of the states x of either layer.
  std::vector<double> log_marginal(Side side, const Tensor& x, double beta) const;
  // beta E / T0, in nats.
  std::vector<double> energy(const Tensor& v, const Tensor& h, double beta) const;

  // Exact, by enumerating the layer with fewer states; ShapeError where both have too many.
  double log_partition(double beta) const;
  // E[x | states of the other layer] (B, N), in the distribution that the likelihood is of.
  Tensor exact_mean(Side to, const Tensor& x) const;
  // Of the model's own distribution, likewise by enumeration.
  UnitMoments exact_moments() const;
  // n independent samples of p(v), likewise.
  Tensor exact_samples(int64_t n);
  // Of a batch and its hidden means or samples.
  UnitMoments sampled_moments(const Tensor& v, const Tensor& h) const;
  // Whether a layer has at most `most` states.
  bool enumerable(double most) const;

  static constexpr double kMostStates = 4194304.0;

 private:
  struct LayerOf {
    UnitType type;
    Tensor bias, variance;
    mutable Tensor natural;
  };
  struct Enumerated;
  const LayerOf& at(Side side) const { return side == Side::kVisible ? visible_ : hidden_; }
  LayerOf& at(Side side) { return side == Side::kVisible ? visible_ : hidden_; }
  Tensor scaled_down(const Tensor& x, bool rows, bool cols) const;
  void refresh() const;
  void clamp(const Clamp* clamp, Tensor& v) const;
  Side enumerated_side(const char* op) const;
  void set_squares(UnitMoments& m) const;

  Context ctx_;
  double temperature_;
  Tensor weights_;
  LayerOf visible_, hidden_;
  mutable Tensor natural_weights_;
  mutable bool fresh_ = false;
};

// The number of states of a layer of `columns` columns, infinite where it is not finite.
double states_of(const UnitType& type, int64_t columns);

// Whether a joint distribution of these units exists for any parameters: one layer must be bounded.
bool admissible(const UnitType& visible, const UnitType& hidden);

}  // namespace gibbslab
