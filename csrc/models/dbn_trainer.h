// The up-down algorithm (contrastive wake-sleep; Hinton, Osindero and Teh 2006, appendix B), batch
// by batch, for any depth, with CD-k for the RBM at the top; or the latter alone.
#pragma once

#include <string>
#include <vector>

#include "csrc/models/dbn.h"
#include "csrc/models/trainer_parts.h"

namespace gibbslab {

struct UpDownOptions {
  int64_t k = 1;
  float momentum = 0.0f, l2 = 0.0f;
  bool top_only = false;
  bool sample_input = false;  // grey values are probabilities, drawn anew for every batch
};

class UpDownTrainer {
 public:
  // `dbn` must outlive the trainer.
  UpDownTrainer(Dbn& dbn, UpDownOptions options);

  // See RbmTrainer::train. A model with labels takes rows with labels.
  TrainResult train(const Dataset& data, const BatchRange& range, float learning_rate);
  TrainResult train(const LabelledDataset& data, const BatchRange& range, float learning_rate);

  const UpDownOptions& options() const { return options_; }
  // For schedules, between calls of train. Zero forgets the velocities.
  void set_momentum(float momentum);
  int64_t next_batch() const { return next_batch_; }

  // A parameter that this trainer changes, with its velocity: to save and restore.
  struct Slot {
    DbnParameter which;
    Tensor velocity;
  };
  std::vector<Slot>& slots() { return slots_; }

 private:
  // The difference of two moments that a parameter climbs; a bias's needs no h0, h1.
  struct Moments {
    States v0, h0, v1, h1;
  };
  struct Batch {
    States v;
    BitTensor y;  // one-hot, of models with labels
  };
  std::string whole_step(const Batch& batch, float learning_rate);
  std::string step(Batch batch, float learning_rate);
  Moments moments(const DbnParameter& which, const Batch& batch, const UpDownPass& pass) const;
  Moments top_moments(const DbnParameter& which, const Batch& batch, const UpDownPass& pass) const;
  bool advance(const Slot& slot, const Moments& m, float learning_rate, Tensor& value,
               Tensor& velocity) const;
  bool advance_weights(const Slot& slot, const Moments& m, float learning_rate, Tensor& value,
                       Tensor& velocity) const;

  Dbn& dbn_;
  UpDownOptions options_;
  int64_t next_batch_ = 0;
  std::vector<Slot> slots_;
};

}  // namespace gibbslab
