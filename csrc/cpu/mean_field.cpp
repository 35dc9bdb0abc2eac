// Mean field by differences: a layer keeps the input that its neighbours gave it and adds only what
// has changed in their means since. Many means are all but still after a few iterations.
//
// Rows are independent: each stops when it has converged. Their sums are in a fixed order. The rows
// still active are taken in groups; a group's changes are multiplied as a dense matrix while most
// of them are there, and one by one later.
#include "csrc/ops/mean_field.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <numeric>

#include "csrc/core/faults.h"
#include "csrc/core/interrupt.h"
#include "csrc/core/thread_pool.h"
#include "csrc/cpu/cpu_ops.h"
#include "csrc/cpu/scratch.h"
#include "csrc/cpu/shares.h"

namespace gibbslab::cpu {
namespace {

// A mean that has moved by less since it was last added is not added again: the inputs that it goes
// into are then right to this times the sum of their weights' magnitudes, which is about how a
// float32 sum of a thousand terms rounds.
float least_change(double tolerance) {
  constexpr double kLeast = 0x1p-20;
  return static_cast<float>(tolerance > 0.0 ? std::min(kLeast, tolerance / 16) : kLeast);
}

constexpr int64_t kRowsTogether = 256;
constexpr double kDenseShare = 0.6;  // of a group's units that changed
constexpr int kMeansSlot = 4;        // of scratch

template <class T>
struct Buffer {
  explicit Buffer(int64_t count)
      : memory(host_memory().allocate(count * static_cast<int64_t>(sizeof(T)))),
        data(static_cast<T*>(memory.get())) {}
  std::shared_ptr<void> memory;
  T* data;
};

int64_t panels_of(int64_t cols) { return (cols + kChangePanel - 1) / kChangePanel; }

// W (I, J) in strips, zeros beyond the last column up to a whole panel.
class PackedWeights {
 public:
  PackedWeights(const Context& ctx, const Tensor& w)
      : size_(w.rows() * kChangePanel), data_(panels_of(w.cols()) * size_) {
    for_rows(ctx.threads(), w.rows(), 16, [&](int64_t i) { pack_row(w, i); });
  }
  const float* panel(int64_t p) const { return data_.data + p * size_; }

 private:
  void pack_row(const Tensor& w, int64_t i) {
    const float* from = w.row(i);
    const int64_t end = panels_of(w.cols()) * kChangePanel;
    for (int64_t first = 0; first < end; first += kChangeStrip) {
      float* to = data_.data + first * w.rows() + i * kChangeStrip;
      if (first + kChangeStrip <= w.cols()) {
        std::memcpy(to, from + first, kChangeStrip * sizeof(float));
      } else {
        const int64_t cols = std::clamp<int64_t>(w.cols() - first, 0, kChangeStrip);
        std::fill(std::copy_n(from + first, cols, to), to + kChangeStrip, 0.0f);
      }
    }
  }

  int64_t size_;
  Buffer<float> data_;
};

// The rows that are still active, in groups that are multiplied together.
struct Groups {
  std::vector<int64_t> rows;

  explicit Groups(int64_t n) : rows(static_cast<size_t>(n)) {
    std::iota(rows.begin(), rows.end(), int64_t{0});
  }
  int64_t size() const { return static_cast<int64_t>(rows.size()); }
  int64_t count() const { return (size() + kChangeRows - 1) / kChangeRows; }
  int64_t begin(int64_t g) const { return size() * g / count(); }
  int64_t length(int64_t g) const { return begin(g + 1) - begin(g); }
  const int64_t* of(int64_t g) const { return rows.data() + begin(g); }
};

// What a layer hears of a neighbour: the weights between them, and the changes to be added.
class Neighbour {
 public:
  Neighbour(size_t layer, const PackedWeights& weights, int64_t units, int64_t rows)
      : layer_(layer),
        weights_(weights),
        units_(units),
        room_(round_up(units, kLanes) + kLanes),
        noted_(Tensor::zeros(rows, units)),
        starts_(rows * (change_blocks(units) + 1)),
        at_(rows * room_),
        change_(rows * room_) {}

  size_t layer() const { return layer_; }

  // Room for the notes of so many groups.
  void begin(int64_t groups) {
    while (static_cast<int64_t>(dense_.size()) < groups)
      dense_.push_back({false, Tensor::empty(units_, kLanes)});
  }

  void note(const Groups& groups, int64_t g, const Tensor& mean, float least, float beta) {
    Tensor changes = Tensor::empty(groups.length(g), units_);
    int64_t changed = 0;
    for (int64_t k = 0; k < changes.rows(); ++k) {
      const int64_t r = groups.of(g)[k];
      changed +=
          kernels().note_changes({mean.row(r), noted_.row(r), units_, least, beta, changes.row(k)});
    }
    Dense& dense = dense_[static_cast<size_t>(g)];
    dense.worth_it =
        static_cast<double>(changed) > kDenseShare * static_cast<double>(changes.rows() * units_);
    if (dense.worth_it)
      kernels().transpose(changes, dense.changes, 0, changes.rows());
    else
      for (int64_t k = 0; k < changes.rows(); ++k) list(groups.of(g)[k], changes.row(k));
  }

  // Adds one panel of what groups [first, last) have noted to the inputs.
  void add(int64_t panel, const Groups& groups, int64_t first, int64_t last, Tensor& inputs) const {
    float* out = inputs.data() + panel * kChangePanel;
    const float* weights = weights_.panel(panel);
    std::vector<int64_t> listed;
    for (int64_t g = first; g < last; ++g) {
      const Dense& dense = dense_[static_cast<size_t>(g)];
      const ChangedInputs to{groups.of(g), groups.length(g), out, inputs.stride()};
      if (dense.worth_it)
        kernels().add_dense_changes({weights, units_, to, dense.changes.data()});
      else
        listed.insert(listed.end(), to.rows, to.rows + to.count);
    }
    const int64_t count = static_cast<int64_t>(listed.size());
    kernels().add_changes({weights,
                           units_,
                           {listed.data(), count, out, inputs.stride()},
                           starts_.data,
                           at_.data,
                           change_.data,
                           room_});
  }

 private:
  // A group's changes, transposed.
  struct Dense {
    bool worth_it;
    Tensor changes;
  };

  void list(int64_t r, const float* change) {
    kernels().list_changes({change, units_, starts_.data + r * (change_blocks(units_) + 1),
                            at_.data + r * room_, change_.data + r * room_});
  }

  size_t layer_;
  const PackedWeights& weights_;
  int64_t units_, room_;
  Tensor noted_;
  Buffer<uint32_t> starts_, at_;
  Buffer<float> change_;
  std::vector<Dense> dense_;
};

// The weights above a layer, for what goes up and what comes down.
struct PackedPair {
  PackedWeights up, down;
  PackedPair(const Context& ctx, const Weights& w)
      : up(ctx, w.get()), down(ctx, w.transposed(ctx)) {}
};

void extrapolate_row(const Extrapolation& job, int64_t r) {
  const auto row = [r](const ExtrapolatedLayer& layer) -> ExtrapolatedRow {
    return {layer.x->row(r), layer.start->row(r), layer.last->row(r), layer.change->row(r),
            layer.x->cols()};
  };
  StepSums sums;
  for (const ExtrapolatedLayer& layer : job) StepSums::add(sums, kernels().step_sums(row(layer)));
  const float t = static_cast<float>(extrapolation(sums));
  for (const ExtrapolatedLayer& layer : job)
    kernels().next_start(row(layer), fault("extrapolated_backwards") ? -t : t);
}

// Some rows of a batch, all their iterations.
class Field {
 public:
  Field(const Context& ctx, const MeanFieldJob& job, const std::vector<PackedPair>& weights,
        int64_t begin, int64_t end)
      : ctx_(ctx),
        job_(job),
        least_(least_change(job.tolerance)),
        changes_(job.changes + begin),
        active_(end - begin) {
    for (size_t l = 0; l < job.biases.size(); ++l) {
      layers_.push_back({(*job.means)[l].slice(begin, end), inputs(l, begin, end - begin), {}});
      layers_[l].mean.clear();
      if (l > 0) hear_of(l, l - 1, weights[l - 1].up);
      if (l + 1 < job.biases.size()) hear_of(l, l + 1, weights[l].down);
    }
    for (const size_t first : {0, 1})
      for (size_t l = first; l < layers_.size(); l += 2) order_.push_back(l);
  }

  // The iterations made.
  int64_t run() {
    first_pass();
    if (job_.tolerance > 0.0) begin_to_extrapolate();
    int64_t made = 0;
    for (; active_.size() > 0 && made < job_.max_iterations; ++made) {
      for (const int64_t r : active_.rows) changes_[r] = 0.0;
      for (const size_t l : order_) {
        note_for(l);
        listen(l);
        settle(l, 1.0f);
      }
      poll_interrupt();
      std::erase_if(active_.rows, [&](int64_t r) { return changes_[r] < job_.tolerance; });
      if (job_.tolerance > 0.0 && made + 1 < job_.max_iterations) extrapolate();
    }
    return made;
  }

 private:
  struct LayerField {
    Tensor mean, input;  // (rows, N), (rows, whole panels)
    std::vector<Neighbour> neighbours{};
    Tensor start{}, last{}, change{};  // of an ExtrapolatedLayer, or none
  };

  Tensor inputs(size_t l, int64_t begin, int64_t rows) const {
    const int64_t units = job_.biases[l]->cols();
    Tensor out = Tensor::zeros(rows, panels_of(units) * kChangePanel);
    for (int64_t r = 0; r < rows; ++r)
      std::copy_n(l == 0 ? job_.from_data->row(begin + r) : job_.biases[l]->data(), units,
                  out.row(r));
    return out;
  }

  void hear_of(size_t l, size_t neighbour, const PackedWeights& weights) {
    layers_[l].neighbours.emplace_back(neighbour, weights, job_.biases[neighbour]->cols(),
                                       layers_[l].mean.rows());
  }

  // From the bottom up: what a layer has not heard from above yet, its input doubled stands for.
  void first_pass() {
    for (size_t l = 0; l < layers_.size(); ++l) {
      if (l > 0) {
        note_for(l);
        listen(l);
      }
      settle(l, l + 1 < layers_.size() ? 2.0f : 1.0f);
    }
  }

  // What layer l's neighbours have to tell.
  void note_for(size_t l) {
    std::vector<Neighbour>& neighbours = layers_[l].neighbours;
    for (Neighbour& neighbour : neighbours) neighbour.begin(active_.count());
    parallel_for(ctx_.threads(), active_.count(), [&](int64_t g) {
      for (Neighbour& neighbour : neighbours)
        neighbour.note(active_, g, layers_[neighbour.layer()].mean, least_, job_.beta);
    });
  }

  // Adds that to the inputs of layer l, by panels of units and, where these do
  // not come out even, parts of the rows.
  void listen(size_t l) {
    LayerField& layer = layers_[l];
    const int64_t panels = panels_of(layer.mean.cols());
    const Pieces parts(active_.count(), 1, panels % ctx_.threads() == 0 ? 1 : ctx_.threads());
    parallel_for(ctx_.threads(), panels * parts.count, [&](int64_t task) {
      const int64_t part = task / panels;
      for (const Neighbour& neighbour : layer.neighbours)
        if (!(fault("upper_input_forgotten") && l == 0))
          neighbour.add(task % panels, active_, parts.begin(part), parts.end(part), layer.input);
    });
  }

  void settle(size_t l, float factor) {
    for_rows(ctx_.threads(), active_.size(), 4,
             [&](int64_t k) { settle_row(l, active_.rows[static_cast<size_t>(k)], factor); });
  }

  // The bias is not what a factor is for.
  void settle_row(size_t l, int64_t r, float factor) {
    LayerField& layer = layers_[l];
    const int64_t cols = layer.mean.cols(), padded = round_up(cols, kLanes);
    float* fresh = static_cast<float*>(scratch(kMeansSlot, padded * 4));
    const float *input = layer.input.row(r), *bias = job_.biases[l]->data();
    for (int64_t c = 0; factor != 1.0f && c < padded; ++c)
      fresh[c] = factor * (input[c] - bias[c]) + bias[c];
    kernels().activate_row(
        {factor == 1.0f ? input : fresh, cols, 1.0f, 0, 0, 0, fresh, nullptr, false});
    const double change = kernels().largest_difference(fresh, layer.mean.row(r), cols);
    changes_[r] = std::max(changes_[r], change);
    std::copy_n(fresh, padded, layer.mean.row(r));
  }

  void begin_to_extrapolate() {
    for (size_t l = 1; l < layers_.size(); l += 2) {
      LayerField& layer = layers_[l];
      layer.start = layer.mean.clone();
      layer.last = Tensor::zeros(layer.mean.rows(), layer.mean.cols());
      layer.change = layer.last.clone();
      extrapolated_.push_back({&layer.mean, &layer.start, &layer.last, &layer.change});
    }
  }

  void extrapolate() {
    for_rows(ctx_.threads(), active_.size(), 4, [&](int64_t k) {
      extrapolate_row(extrapolated_, active_.rows[static_cast<size_t>(k)]);
    });
  }

  const Context& ctx_;
  const MeanFieldJob& job_;
  float least_;
  double* changes_;
  Groups active_;
  std::vector<LayerField> layers_;
  Extrapolation extrapolated_;  // even layers
  std::vector<size_t> order_;   // of the layers in an iteration
};

struct CpuMeanField : MeanFieldOps {
  bool offered() const override { return true; }

  int64_t infer(const Context& ctx, const MeanFieldJob& job) override {
    std::vector<PackedPair> weights;
    for (const Weights* w : job.weights) weights.emplace_back(ctx, *w);
    const int64_t rows = job.from_data->rows();
    int64_t most = 0;
    for (int64_t begin = 0; begin < rows; begin += kRowsTogether)
      most = std::max(most,
                      Field(ctx, job, weights, begin, std::min(rows, begin + kRowsTogether)).run());
    return most;
  }

  void extrapolate(const Context& ctx, const Extrapolation& job) override {
    for_rows(ctx.threads(), job[0].x->rows(), 4, [&](int64_t r) { extrapolate_row(job, r); });
  }
};

}  // namespace

MeanFieldOps& mean_field_ops() {
  static CpuMeanField ops;
  return ops;
}

}  // namespace gibbslab::cpu
