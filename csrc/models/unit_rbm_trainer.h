// Training of a UnitRbm batch by batch: contrastive divergence, its persistent form, or the exact
// gradient of the log-likelihood by enumeration.
#pragma once

#include <string>

#include "csrc/models/rbm_trainer.h"
#include "csrc/models/trainer_parts.h"
#include "csrc/models/unit_rbm.h"

namespace gibbslab {

struct UnitTrainOptions : TrainOptions {
  bool learn_variance = false;  // of Gaussian visible units, on a log scale
  float variance_rate = 1.0f;   // times the learning rate
  float least_variance = 1e-3f, most_variance = 1e3f;
};

class UnitRbmTrainer {
 public:
  // `rbm` must outlive the trainer.
  UnitRbmTrainer(UnitRbm& rbm, UnitTrainOptions options);

  // Stops before a batch that would make the model non-finite.
  TrainResult train(const Dataset& data, const BatchRange& range, float learning_rate);
  const UnitTrainOptions& options() const { return options_; }
  void set_momentum(float momentum);
  int64_t next_batch() const { return next_batch_; }

  // The training state besides the model and its draws, to save and restore.
  struct State {
    Tensor velocity_w, velocity_a, velocity_b, velocity_variance;
    Tensor visible_offset, hidden_offset, hidden_activity, chains;  // chains (n_chains, H)
  };
  State& state() { return state_; }

 private:
  struct Gradient {
    Tensor w, a, b, log_variance;
  };
  struct Phases {
    UnitMoments data, model;
    Tensor hidden_mean, visible_mean;  // of the batch, (1, H) and (1, V)
  };
  std::string whole_step(const States& v0, float learning_rate);
  std::string step(const States& v0, float learning_rate);
  Phases phases(const Tensor& v0);
  UnitMoments negative_phase(const UnitState& h0);
  Gradient gradient(const Phases& p) const;
  void centre(const Phases& p, const Tensor& visible, const Tensor& hidden, Gradient& g);
  void add_pressure(const Phases& p, Gradient& g);
  Tensor log_variance_gradient(const Phases& p) const;
  std::string apply(const Gradient& g, float learning_rate);
  Tensor bounded_variance(const Tensor& old, const Tensor& velocity, float learning_rate) const;

  UnitRbm& rbm_;
  UnitTrainOptions options_;
  int64_t next_batch_ = 0;
  State state_;
};

}  // namespace gibbslab
