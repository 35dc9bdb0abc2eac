// The mean-field posterior of a DBM: mu_l = sigmoid(beta (mu_{l-1} W + mu_{l+1} W^T + b_l)) for
// every hidden layer, mu_0 = v (Salakhutdinov and Hinton 2009, eq. 6 and 7).
#include <algorithm>
#include <numeric>

#include "csrc/core/error.h"
#include "csrc/core/faults.h"
#include "csrc/core/interrupt.h"
#include "csrc/models/dbm.h"
#include "csrc/ops/backend.h"

namespace gibbslab {
namespace {

// Fixed-point iteration over a batch, by half-steps: the plain twin of ops::mean_field. Rows that
// have converged are moved behind the others and left alone: most of a batch is done long before
// its slowest row.
class Iteration {
 public:
  // `means` of the hidden layers to start from, the first at 1; `from_data` the input of layer 1.
  Iteration(const Context& ctx, std::vector<Tensor> means, Tensor from_data)
      : ctx_(ctx),
        means_(std::move(means)),
        from_data_(std::move(from_data)),
        active_(from_data_.rows()),
        place_(static_cast<size_t>(active_)),
        change_(place_.size()),
        changes_(place_.size(), 0.0),
        steps_(means_.size()) {
    std::iota(place_.begin(), place_.end(), int64_t{0});
    // Clones: a dense product leaves the padding as it is, and it has to be finite.
    for (const Tensor& mean : means_) spare_.push_back(mean.empty() ? Tensor() : mean.clone());
  }

  // From here on even layers may be extrapolated.
  void begin_to_extrapolate() {
    for (size_t l = 2; l < means_.size(); l += 2) {
      const Tensor none = ops::zeros(ctx_, means_[l].rows(), means_[l].cols());
      steps_[l] = {means_[l].clone(), none, none.clone()};
    }
  }

  int64_t active() const { return active_; }
  Tensor from_data() const { return from_data_.slice(0, active_); }
  States mean(size_t l) const { return means_[l].slice(0, active_); }
  // Where the new means of layer l go before keep(l).
  Tensor next(size_t l) { return spare_[l].slice(0, active_); }

  void begin() { std::fill(change_.begin(), change_.begin() + active_, 0.0); }

  void keep(size_t l) {
    std::vector<double> now(static_cast<size_t>(active_));
    ops::largest_differences(ctx_, next(l), mean(l).dense(), now.data());
    for (size_t r = 0; r < now.size(); ++r) change_[r] = std::max(change_[r], now[r]);
    std::swap(means_[l], spare_[l]);
  }

  // Notes the changes of the iteration; whether all rows are done.
  bool end(double tolerance) {
    int64_t moving = 0;
    for (int64_t r = 0; r < active_; ++r) {
      changes_[place_[r]] = change_[r];
      moving += change_[r] < tolerance ? 0 : 1;
    }
    if (moving > 0 && moving < active_) set_aside(tolerance);
    return moving == 0;
  }

  void extrapolate() {
    std::vector<Step> active(steps_.size());
    std::vector<Tensor> x(steps_.size());
    Extrapolation job;
    for (size_t l = 0; l < steps_.size(); ++l) {
      if (steps_[l].start.empty()) continue;
      const auto of_active = [&](const Tensor& all) { return all.slice(0, active_); };
      x[l] = of_active(means_[l]);
      active[l] = {of_active(steps_[l].start), of_active(steps_[l].last),
                   of_active(steps_[l].change)};
      job.push_back({&x[l], &active[l].start, &active[l].last, &active[l].change});
    }
    ops::extrapolate(ctx_, job);
  }

  // Every row where it was at first.
  std::vector<Tensor> result() {
    std::vector<int64_t> back(place_.size());
    for (size_t r = 0; r < place_.size(); ++r) back[place_[r]] = static_cast<int64_t>(r);
    if (!std::is_sorted(back.begin(), back.end())) rearrange(back);
    return means_;
  }
  const std::vector<double>& changes() const { return changes_; }

 private:
  // Of an ExtrapolatedLayer.
  struct Step {
    Tensor start, last, change;
  };

  void set_aside(double tolerance) {
    std::vector<int64_t> order(place_.size());
    std::iota(order.begin(), order.end(), int64_t{0});
    const auto done = std::stable_partition(order.begin(), order.begin() + active_,
                                            [&](int64_t r) { return !(change_[r] < tolerance); });
    std::vector<int64_t> place(place_.size());
    for (size_t r = 0; r < place.size(); ++r) place[r] = place_[order[r]];
    place_ = std::move(place);
    rearrange(order);
    from_data_ = gathered(from_data_, order);
    for (size_t l = 1; l < means_.size(); ++l) spare_[l] = means_[l].clone();
    for (Step& step : steps_)
      if (!step.start.empty())
        step = {gathered(step.start, order), gathered(step.last, order),
                gathered(step.change, order)};
    active_ = done - order.begin();
  }

  void rearrange(const std::vector<int64_t>& order) {
    for (size_t l = 1; l < means_.size(); ++l) means_[l] = gathered(means_[l], order);
  }

  Tensor gathered(const Tensor& x, const std::vector<int64_t>& order) const {
    return ops::gather(ctx_, x, order.data(), static_cast<int64_t>(order.size())).dense();
  }

  const Context& ctx_;
  std::vector<Tensor> means_, spare_;
  Tensor from_data_;
  int64_t active_;
  std::vector<int64_t> place_;  // of each row in the batch as given
  std::vector<double> change_;  // of each row where it stands
  std::vector<double> changes_;
  std::vector<Step> steps_;
};

}  // namespace

// From the bottom up, inputs doubled in place of what lies above.
std::vector<Tensor> Dbm::first_means(const States& v, float beta) const {
  std::vector<Tensor> means(1);
  States below = v;
  for (int64_t l = 1; l < layers(); ++l) {
    Tensor mean = ops::zeros(ctx_, v.rows(), size(l));
    const Tensor bias = scaled_bias(ctx_, biases_[l], beta);
    HalfStep outputs;
    outputs.mean = &mean;
    const float doubled = l + 1 < layers() ? 2.0f * beta : beta;
    run_step({&below, &weights_[l - 1], Direction::kUp}, &bias, nullptr, doubled, outputs);
    below = mean;
    means.push_back(mean);
  }
  return means;
}

MeanField Dbm::infer(const States& v, const MeanFieldOptions& options) const {
  require(v.cols() == size(0), "DBM.infer", [&] {
    return "v must have " + std::to_string(size(0)) + " columns, got " + std::to_string(v.cols());
  });
  require(options.max_iterations >= 1, "DBM.infer", [&] {
    return "max_iterations must be at least 1, got " + std::to_string(options.max_iterations);
  });
  return ops::offers_mean_field(ctx_) ? infer_at_once(v, options) : iterate(v, options);
}

MeanField Dbm::infer_at_once(const States& v, const MeanFieldOptions& options) const {
  const Tensor from_data = input_from_below(v, 1, options.beta);
  std::vector<Tensor> means, biases;
  MeanFieldJob job;
  for (int64_t l = 1; l < layers(); ++l) {
    means.push_back(ops::zeros(ctx_, v.rows(), size(l)));
    biases.push_back(scaled_bias(ctx_, biases_[l], options.beta));
    if (l > 1) job.weights.push_back(&weights_[l - 1]);
  }
  for (const Tensor& bias : biases) job.biases.push_back(&bias);
  MeanField out;
  out.changes.resize(static_cast<size_t>(v.rows()));
  job.from_data = &from_data;
  job.beta = options.beta;
  job.max_iterations = options.max_iterations;
  job.tolerance = options.tolerance;
  job.means = &means;
  job.changes = out.changes.data();
  out.iterations = ops::mean_field(ctx_, job);
  out.layers.push_back(v);
  for (const Tensor& mean : means) out.layers.emplace_back(mean);
  return out;
}

MeanField Dbm::iterate(const States& v, const MeanFieldOptions& options) const {
  Iteration rows(ctx_, first_means(v, options.beta), input_from_below(v, 1, options.beta));
  if (options.tolerance > 0.0) rows.begin_to_extrapolate();
  MeanField out;
  for (bool done = false; !done && out.iterations < options.max_iterations; ++out.iterations) {
    if (options.tolerance > 0.0 && out.iterations > 0) rows.extrapolate();
    rows.begin();
    for (const int64_t first : {1, 2})
      for (int64_t l = first; l < layers(); l += 2) {
        Layers x(1);
        for (int64_t i = 1; i < layers(); ++i) x.push_back(rows.mean(static_cast<size_t>(i)));
        const Tensor from_data = rows.from_data();
        Tensor next = rows.next(static_cast<size_t>(l));
        HalfStep outputs;
        outputs.mean = &next;
        step_given(x, l, options.beta, l == 1 ? &from_data : nullptr, outputs);
        if (fault("upper_input_forgotten") && l == 1) ops::sigmoid(ctx_, from_data, next);
        rows.keep(static_cast<size_t>(l));
      }
    poll_interrupt();
    done = rows.end(options.tolerance);
  }
  out.layers.push_back(v);
  const std::vector<Tensor> means = rows.result();
  for (size_t l = 1; l < means.size(); ++l) out.layers.emplace_back(means[l]);
  out.changes = rows.changes();
  return out;
}

}  // namespace gibbslab
