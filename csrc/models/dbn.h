// The deep belief network (Hinton, Osindero and Teh 2006) of Bernoulli layers x_0 (visible), x_1,
// ..., x_D, D >= 1: an RBM between the two top layers, and directed layers below it.
//
//   p(x) = p_top(x_{D-1}, x_D) prod_{l < D-1} p(x_l | x_{l+1}),
//   p(x_l = 1 | x_{l+1}) = sigmoid(G_l x_{l+1} + g_l)
//
// The recognition model q(x_{l+1} = 1 | x_l) = sigmoid(x_l R_l + r_l) stands for the posterior.
// With K labels, a softmax unit of K states lies beside x_{D-1}, and the RBM at the top is that of
// classification_rbm.h: p_top(x_{D-1}, y, x_D).
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "csrc/models/classification_rbm.h"
#include "csrc/models/rbm.h"

namespace gibbslab {

// Between x_l (V units) and x_{l+1} (H units).
struct DirectedLayer {
  Weights recognition, generative;  // R_l, G_l (V, H)
  Tensor up_bias;                   // r_l (1, H)
  Tensor down_bias;                 // g_l (1, V)
};

// What one directed layer does in an up-down pass.
struct DirectedPass {
  LayerState up;          // x_{l+1}, drawn by recognition from x_l
  LayerState predicted;   // x_l, as the generative weights predict it from that
  LayerState generated;   // x_l, drawn by the generative weights from x_{l+1} of the sleep phase
  LayerState recognised;  // x_{l+1}, as the recognition weights predict it from that
};

struct UpDownPass {
  std::vector<DirectedPass> layers;  // D - 1
  CdPass top;                        // h0, then v1, y1 and h1 after the sweeps of the top RBM
};

struct UpDown {
  int64_t steps = 1;         // sweeps of the top RBM
  bool top_only = false;     // no sleep phase and no predictions
  bool predictions = false;  // samples of the predictions too, not only their means
  BitTensor labels{};        // one-hot (B, K), of models with labels
};

enum class DbnPart {
  kGenerative,
  kDownBias,
  kRecognition,
  kUpBias,
  kTopWeights,
  kTopVisibleBias,
  kTopHiddenBias,
  kLabelWeights,
  kLabelBias
};

struct DbnParameter {
  DbnPart part;
  int64_t layer;  // of a directed layer's
  std::string name;
};

class Dbn {
 public:
  // sizes N_0 ... N_D, and K labels or none. Weights and biases start at 0.
  Dbn(Context ctx, const std::vector<int64_t>& sizes, int64_t classes = 0);

  int64_t depth() const { return static_cast<int64_t>(layers_.size()) + 1; }  // D
  int64_t size(int64_t l) const;                                              // N_l
  int64_t classes() const;                                                    // K, or 0
  Context& context();
  const Context& context() const;

  // All parameters, in the order of their updates, from the bottom up.
  std::vector<DbnParameter> parameters() const;
  const Tensor& get(const DbnParameter& which) const;
  // Takes ownership of a tensor of the same shape.
  void set(const DbnParameter& which, Tensor value);
  // Every weight matrix ~ Normal(0, deviation^2), recognition equal to generative; biases 0.
  void initialize(float deviation);

  // x_{l+1} given x_l by recognition, l < D - 1.
  LayerState up(int64_t l, const States& below, bool mean, bool sample);
  // x_l given x_{l+1} by generation, l < D - 1.
  LayerState down(int64_t l, const States& above, bool mean, bool sample);
  // x_1 ... x_{D-1}, each drawn from the one below, or its mean given that one's mean.
  std::vector<LayerState> recognise(const States& v, bool mean_field);
  // x_{D-2} ... x_0, each drawn from the one above; x (B, N_{D-1}).
  std::vector<LayerState> generate(const States& x);
  // x_D given x_{D-1} and the labels, one-hot; of labels that are not given, the mean is over them,
  // and the sample follows a draw of them.
  LayerState top_up(const States& x, const BitTensor& labels, bool sample);
  // x_{D-1} given x_D.
  LayerState top_down(const States& h, bool sample);
  // Sweeps x_D -> x_{D-1} -> x_D, of the labels too where none are given to hold them at.
  CdPass top_gibbs(const States& h, int64_t steps, const BitTensor& labels);
  // log p(y = k | x_{D-1}), (B, K), in nats: exact, by the free energy of the top RBM.
  std::vector<double> label_log_proba(const States& x);
  // Fair coins for layer l: where chains start.
  BitTensor fair_states(int64_t l, int64_t rows);
  // Wake phase, sweeps of the top RBM, sleep phase.
  UpDownPass up_down(const States& v, const UpDown& how);
  // log p*(x) - log q(x_1 ... x_{D-1} | x_0) of every row, with p* = Z p, in nats; x_0 ... x_{D-1}
  // given, x_D and any label summed out. Its mean over q is the variational bound on log p(x_0) +
  // log Z (Salakhutdinov and Murray 2008), its exponential's mean p(x_0) Z.
  std::vector<double> log_weights(const std::vector<States>& x) const;

 private:
  const Weights* weights_of(const DbnParameter& which) const;
  void set_top(const DbnParameter& which, Tensor value);
  // The RBM at the top where there are labels, and null where there are none.
  ClassificationRbm* labelled() { return std::get_if<ClassificationRbm>(&top_); }
  const ClassificationRbm* labelled() const { return std::get_if<ClassificationRbm>(&top_); }
  void require_fitting(const States& x, const BitTensor& labels) const;
  CdPass top_pass(const States& x, const UpDown& how);

  std::vector<DirectedLayer> layers_;
  std::variant<Rbm, ClassificationRbm> top_;
};

}  // namespace gibbslab
