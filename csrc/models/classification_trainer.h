// Training of the classification RBM by the gradient of
//
//   discriminative log p(y | v) + generative log p(y, v)
//
// (Larochelle and Bengio 2008, eq. 9): the first term's is exact, the second's that of contrastive
// divergence over v and y, from the data or from persistent chains.
#pragma once

#include <string>
#include <vector>

#include "csrc/models/classification_rbm.h"
#include "csrc/models/trainer_parts.h"

namespace gibbslab {

struct ClassificationOptions {
  float discriminative = 1.0f, generative = 0.01f;  // weights of the two terms
  bool persistent = false;
  int64_t k = 1;
  int64_t n_chains = 0;                         // persistent chains; any number
  float momentum = 0.0f, l1 = 0.0f, l2 = 0.0f;  // decay of W and U
  bool sample_input = false;  // grey values are probabilities, drawn anew for every batch
};

class ClassificationTrainer {
 public:
  // `rbm` must outlive the trainer.
  ClassificationTrainer(ClassificationRbm& rbm, ClassificationOptions options);

  // As RbmTrainer::train.
  TrainResult train(const LabelledDataset& data, const BatchRange& range, float learning_rate);

  const ClassificationOptions& options() const { return options_; }
  // For schedules, between calls of train. Zero forgets the velocity.
  void set_momentum(float momentum);
  int64_t next_batch() const { return next_batch_; }

  // The whole training state besides the model and its draws.
  struct Velocities {
    Tensor w, u, a, b, d;
  };
  Velocities& velocities() { return velocities_; }
  BitTensor& chains() { return chains_; }  // hidden states (n_chains, H)

 private:
  struct Negative {
    States v, h;  // as the statistics take them
    BitTensor y;
    float scale = 0.0f;
  };
  struct Gradient {
    Tensor w, u, a, b, d;
  };
  std::string whole_step(const States& v, const std::vector<int64_t>& labels, float learning_rate);
  std::string step(const States& v, const std::vector<int64_t>& labels, float learning_rate);
  void add_discriminative(const States& v, const std::vector<int64_t>& labels, Tensor& hidden,
                          Gradient& gradient);
  void add_generative(const States& v, const BitTensor& y, const LayerState& h0,
                      const Negative& negative, Gradient& gradient);
  Negative negative_phase(const LayerState& h0);
  std::string apply(const Gradient& gradient, float learning_rate);

  ClassificationRbm& rbm_;
  ClassificationOptions options_;
  int64_t next_batch_ = 0;
  BitTensor chains_;
  Velocities velocities_;
};

}  // namespace gibbslab
