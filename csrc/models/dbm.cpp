#include "csrc/models/dbm.h"

#include <algorithm>
#include <string>
#include <utility>

#include "csrc/core/error.h"
#include "csrc/core/faults.h"
#include "csrc/core/interrupt.h"
#include "csrc/ops/backend.h"

namespace gibbslab {
namespace {

void require_size(const char* op, const Tensor& t, int64_t rows, int64_t cols) {
  require(t.rows() == rows && t.cols() == cols, op, [&] {
    return "must have shape " + shape_string(rows, cols) + ", got " +
           shape_string(t.rows(), t.cols());
  });
}

Layer stream_layer(int64_t l) { return l == 0 ? Layer::kVisible : Layer::kHidden; }

}  // namespace

Dbm::Dbm(Context ctx, const std::vector<int64_t>& sizes) : ctx_(ctx) {
  require(sizes.size() >= 3, "DBM", [&] {
    return "layer_sizes must name at least 3 layers, got " + std::to_string(sizes.size());
  });
  for (const int64_t n : sizes)
    require(n >= 1, "DBM",
            [&] { return "layer_sizes must be at least 1, got " + std::to_string(n); });
  for (size_t l = 0; l < sizes.size(); ++l) {
    biases_.push_back(ops::zeros(ctx_, 1, sizes[l]));
    if (l > 0) weights_.emplace_back(ops::zeros(ctx_, sizes[l - 1], sizes[l]));
  }
}

void Dbm::set_weights(int64_t l, Tensor w) {
  require_size("DBM.weights", w, size(l), size(l + 1));
  weights_[l].set(std::move(w));
}

void Dbm::set_weights(int64_t l, Tensor w, Tensor wt) {
  require_size("DBM.weights", w, size(l), size(l + 1));
  require_size("DBM.weights transposed", wt, size(l + 1), size(l));
  weights_[l].set(std::move(w), std::move(wt));
}

void Dbm::set_bias(int64_t l, Tensor b) {
  require_size("DBM.biases", b, 1, size(l));
  biases_[l] = std::move(b);
}

void Dbm::initialize(float deviation) {
  for (int64_t l = 0; l < layers(); ++l) {
    biases_[l] = ops::zeros(ctx_, 1, size(l));
    if (l + 1 == layers()) break;
    Tensor w = ops::zeros(ctx_, size(l), size(l + 1));
    ops::normal(ctx_, ctx_.next_draw(Layer::kWeights), 0.0f, deviation, w);
    weights_[l].set(std::move(w));
  }
}

void Dbm::run_step(const Input& input, const Tensor* bias, const Tensor* added, float scale,
                   HalfStep outputs) const {
  outputs.input = input.x;
  outputs.weights = input.weights;
  outputs.direction = input.direction;
  outputs.bias = bias;
  outputs.added = added;
  outputs.scale = scale;
  ops::half_step(ctx_, outputs);
}

Tensor Dbm::input_from_below(const States& below, int64_t l, float beta) const {
  Tensor pre = ops::zeros(ctx_, below.rows(), size(l));
  const Tensor bias = scaled_bias(ctx_, biases_[l], beta);
  HalfStep outputs;
  outputs.pre = &pre;
  run_step({&below, &weights_[l - 1], Direction::kUp}, &bias, nullptr, beta, outputs);
  return pre;
}

// Layer l given its neighbours; what it gets from below may stand in `from_below`, bias included.
void Dbm::step_given(const Layers& x, int64_t l, float beta, const Tensor* from_below,
                     const HalfStep& outputs) const {
  const Tensor bias = scaled_bias(ctx_, biases_[l], beta);
  if (l + 1 == layers()) {
    run_step({&x[l - 1], &weights_[l - 1], Direction::kUp}, &bias, nullptr, beta, outputs);
    return;
  }
  const Input above{&x[l + 1], &weights_[l], Direction::kDown};
  if (l == 0) return run_step(above, &bias, nullptr, beta, outputs);
  Tensor lower;
  if (from_below == nullptr) {
    lower = input_from_below(x[l - 1], l, beta);
    from_below = &lower;
  }
  run_step(above, nullptr, from_below, beta, outputs);
}

LayerState Dbm::layer_step(const Layers& x, int64_t l, float beta, bool mean, bool sample) {
  require(0 <= l && l < layers(), "DBM.layer_step",
          [&] { return "layer must be below " + std::to_string(layers()); });
  const int64_t rows = x[l == 0 ? 1 : l - 1].rows();
  LayerState out;
  HalfStep outputs;
  if (mean) out.mean = ops::zeros(ctx_, rows, size(l));
  if (sample) out.sample = ops::zero_bits(ctx_, rows, size(l));
  outputs.mean = mean ? &out.mean : nullptr;
  outputs.sample = sample ? &out.sample : nullptr;
  if (sample) outputs.draw = ctx_.next_draw(stream_layer(l));
  step_given(x, l, beta, nullptr, outputs);
  return out;
}

Layers Dbm::up_pass(const States& v, float beta) {
  Layers x{v};
  for (int64_t l = 1; l < layers(); ++l) {
    BitTensor sample = ops::zero_bits(ctx_, v.rows(), size(l));
    const Tensor bias = scaled_bias(ctx_, biases_[l], beta);
    HalfStep outputs;
    outputs.sample = &sample;
    outputs.draw = ctx_.next_draw(stream_layer(l));
    const float doubled = l + 1 < layers() ? 2.0f * beta : beta;
    run_step({&x[l - 1], &weights_[l - 1], Direction::kUp}, &bias, nullptr, doubled, outputs);
    x.emplace_back(sample);
  }
  return x;
}

void Dbm::require_layers(const char* op, const Layers& x, int64_t first, int64_t stride) const {
  require(static_cast<int64_t>(x.size()) == layers(), op, [&] {
    return "states must name " + std::to_string(layers()) + " layers, got " +
           std::to_string(x.size());
  });
  for (int64_t l = first; l < layers(); l += stride)
    require(x[l].rows() == x[first].rows() && x[l].cols() == size(l), op, [&] {
      return "states of layer " + std::to_string(l) + " must have shape " +
             shape_string(x[first].rows(), size(l)) + ", got " +
             shape_string(x[l].rows(), x[l].cols());
    });
}

// Layers of one parity, given the others as they stand in `given`, into x.
void Dbm::sweep_parity(const Layers& given, int64_t parity, const LayerSweeps& sweeps, bool means,
                       Layers& x, std::vector<LayerState>& out) {
  for (int64_t l = parity; l < layers(); l += 2) {
    out[l] = layer_step(given, l, sweeps.beta, means, true);
    x[l] = out[l].sample;
    if (l != 0 || sweeps.clamp == nullptr) continue;
    ops::overwrite(ctx_, sweeps.clamp->mask, sweeps.clamp->known, x[0]);
    if (x[0].binary()) out[0].sample = x[0].bits();
  }
}

std::vector<LayerState> Dbm::gibbs(Layers& x, const LayerSweeps& sweeps) {
  require_layers("DBM.gibbs", x, 1, 2);
  require(sweeps.steps >= 1, "DBM.gibbs",
          [&] { return "steps must be at least 1, got " + std::to_string(sweeps.steps); });
  std::vector<LayerState> out(x.size());
  for (int64_t step = 0; step < sweeps.steps; ++step) {
    const bool last = step + 1 == sweeps.steps;
    const Layers before = x;
    sweep_parity(x, 0, sweeps, last && sweeps.means, x, out);
    sweep_parity(fault("stale_states") && step > 0 ? before : x, 1, sweeps, last, x, out);
    poll_interrupt();
  }
  return out;
}

std::vector<double> Dbm::energy(const Layers& x, double beta) const {
  require_layers("DBM.energy", x, 0, 1);
  std::vector<double> total(static_cast<size_t>(x[0].rows()), 0.0), pair(total);
  for (int64_t l = 0; l + 1 < layers(); ++l) {
    const Tensor none = ops::zeros(ctx_, 1, size(l));
    const RbmView view{&weights_[l].get(), l == 0 ? &biases_[0] : &none, &biases_[l + 1], beta};
    ops::energy(ctx_, view, x[l], x[l + 1], pair.data());
    for (size_t r = 0; r < total.size(); ++r) total[r] += pair[r];
  }
  return total;
}

}  // namespace gibbslab
