// Training a DBM: mean-field statistics of the data against persistent Gibbs chains (Salakhutdinov
// and Hinton 2009, section 2.3), plain or centred (Montavon and Mueller 2012).
#pragma once

#include <string>
#include <vector>

#include "csrc/models/dbm.h"
#include "csrc/models/trainer_parts.h"

namespace gibbslab {

struct DbmTrainOptions {
  int64_t k = 1;         // sweeps of the chains before each step
  int64_t n_chains = 1;  // persistent chains; any number
  MeanFieldOptions mean_field;
  float momentum = 0.0f, l1 = 0.0f, l2 = 0.0f;
  bool centered = false;
  float offset_rate = 0.01f;  // of the running means that centre
  bool sample_input = false;  // grey values are probabilities, drawn anew for every batch
};

class DbmTrainer {
 public:
  // `dbm` must outlive the trainer.
  DbmTrainer(Dbm& dbm, DbmTrainOptions options);

  // See RbmTrainer::train.
  TrainResult train(const Dataset& data, const BatchRange& range, float learning_rate);

  const DbmTrainOptions& options() const { return options_; }
  void set_momentum(float momentum);
  int64_t next_batch() const { return next_batch_; }
  // Mean-field iterations of the latest step.
  int64_t iterations() const { return iterations_; }

  // The training state besides the model and its draws; see RbmTrainer.
  Tensor& velocity_weights(int64_t l) { return pairs_[l].velocity; }
  Tensor& velocity_bias(int64_t l) { return units_[l].velocity; }
  Tensor& offset(int64_t l) { return units_[l].offset; }
  Layers& chains() { return chains_; }  // its odd layers, (n_chains, N_l), are the state

 private:
  // What belongs to the weights between two layers.
  struct Pair {
    Tensor velocity, gradient, spare, spare_velocity, spare_transposed;
  };
  // What belongs to a layer. `raw`: mean state under the data minus that under the model.
  struct Units {
    Tensor velocity, offset, raw, gradient;
  };
  struct Phases {
    Layers data, model;
    float positive, negative;  // one over the numbers of rows
  };
  struct Snapshot {
    uint64_t draws;
    Layers chains;
    std::vector<Tensor> offsets;
  };
  Snapshot snapshot() const;
  void restore(const Snapshot& before);
  std::string whole_step(const States& v0, float learning_rate);
  std::string step(const States& v0, float learning_rate);
  Phases sample_phases(const States& v0);
  void layer_gradients(const Phases& p);
  void prepare_centering(const Phases& p);
  void centre_biases(int64_t l);
  CdStatistics statistics(const Phases& p, int64_t l) const;
  bool upside_down(int64_t l) const;
  Update weight_update(int64_t l, float learning_rate);
  bool update_pair(const Phases& p, int64_t l, float learning_rate);
  void take_new_weights(int64_t l);
  std::string apply(const Phases& p, float learning_rate);
  void keep_velocities(const std::vector<ParameterStep>& steps);

  Dbm& dbm_;
  DbmTrainOptions options_;
  int64_t next_batch_ = 0, iterations_ = 0;
  Layers chains_;
  std::vector<Pair> pairs_;
  std::vector<Units> units_;
};

}  // namespace gibbslab
