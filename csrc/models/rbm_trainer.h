// Contrastive divergence (Hinton 2002), its persistent form (Tieleman 2008), that with parallel
// tempering (Desjardins et al. 2010), and the exact gradient of small models, batch by batch.
#pragma once

#include <optional>
#include <string>

#include "csrc/models/dataset.h"
#include "csrc/models/pace.h"
#include "csrc/models/rbm.h"
#include "csrc/models/tempering.h"
#include "csrc/models/trainer_parts.h"
#include "csrc/ops/cd_run.h"

namespace gibbslab {

struct TrainOptions {
  bool persistent = true;
  bool exact = false;  // the negative phase by enumeration, in place of any chains
  int64_t k = 1;
  int64_t n_chains = 0;        // persistent chains; any number
  int64_t n_temperatures = 1;  // of each chain's replicas; 1: no tempering
  float momentum = 0.0f, l1 = 0.0f, l2 = 0.0f;
  float max_norm = 0.0f;      // 0: no limit
  bool centered = false;      // Montavon and Mueller (2012), eq. 6-8
  float offset_rate = 0.01f;  // of the running means that centre
  float sparsity_target = 0.0f, sparsity_cost = 0.0f, sparsity_decay = 0.9f;
  bool sample_input = false;    // grey values are probabilities, drawn anew for every batch
  bool hidden_samples = false;  // 0/1 hidden states, not probabilities, in the statistics
};

class RbmTrainer {
 public:
  // `rbm` must outlive the trainer.
  RbmTrainer(Rbm& rbm, TrainOptions options);

  // Batches [first, last) of the epoch's `order` (n rows), each of batch_size rows but the last.
  // Stops before a batch that would make the model non-finite.
  TrainResult train(const Dataset& data, const int64_t* order, int64_t n, int64_t batch_size,
                    int64_t first, int64_t last, float learning_rate);

  const TrainOptions& options() const { return options_; }
  // For schedules, between calls of train. Zero forgets the velocity.
  void set_momentum(float momentum);

  // The batch to go on with: `first` of the latest train() plus its completed batches, also after
  // an interrupt.
  int64_t next_batch() const { return next_batch_; }

  // The whole training state besides the model and its draws: named tensors, to save and restore.
  Tensor& velocity_weights() { return velocity_w_; }
  Tensor& velocity_visible() { return velocity_a_; }
  Tensor& velocity_hidden() { return velocity_b_; }
  Tensor& visible_offset() { return visible_offset_; }
  Tensor& hidden_offset() { return hidden_offset_; }
  Tensor& hidden_activity() { return hidden_activity_; }
  BitTensor& chains() { return tempering_ ? tempering_->hidden() : chains_; }  // (rows, H)
  std::optional<Tempering>& tempering() { return tempering_; }

 private:
  struct Phases {
    States v0, v1;
    LayerState h0, h1;
  };
  // What a batch changes before its update is known to be good.
  struct Snapshot {
    uint64_t draws;
    BitTensor chains;
    std::optional<Tempering> tempering;
    Tensor visible_offset, hidden_offset, hidden_activity;
  };
  Snapshot snapshot() const;
  void restore(const Snapshot& before);
  std::string whole_step(const States& v0, int64_t nominal_batch, float learning_rate);
  std::string step(States v0, int64_t nominal_batch, float learning_rate);
  Phases sample_phases(States v0);
  void no_negative(Phases& p);
  void plain_negative(Phases& p);
  void tempered_negative(Phases& p);
  void subtract_moments();
  void bias_gradients(const Phases& p, float positive, float negative);
  void prepare_pressure(const Phases& p, float positive);
  void prepare_centering(const Phases& p, const CdStatistics& statistics);
  std::string apply(const CdStatistics& statistics, float learning_rate);
  Update weight_update(float learning_rate);

  // Many batches in one call (rbm_trainer_runs.cpp).
  bool runs(const Dataset& data, int64_t batch_size) const;
  CdState run_state();
  CdState spare_state(const CdState& state);
  void adopt(const CdState& state);
  CdRun run_job(CdState& state, CdState& spare, float learning_rate) const;
  TrainResult train_in_runs(const BitTensor& data, const BatchRange& range, float learning_rate);

  Rbm& rbm_;
  TrainOptions options_;
  int64_t next_batch_ = 0;
  Pace pace_;
  BitTensor chains_;
  std::optional<Tempering> tempering_;  // in their place
  Tensor velocity_w_, velocity_a_, velocity_b_;
  Tensor visible_offset_, hidden_offset_, hidden_activity_;
  // Working memory of one step.
  Tensor gradient_w_, gradient_a_, gradient_b_, pressure_, visible_mean_;
  Tensor raw_a_, raw_b_;
  Tensor spare_w_, spare_velocity_w_;
};

}  // namespace gibbslab
