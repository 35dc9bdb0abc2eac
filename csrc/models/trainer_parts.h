// What the trainers of energy models share: running means, the step of a bias, the loop over
// batches.
#pragma once

#include <algorithm>
#include <string>

#include "csrc/core/error.h"
#include "csrc/core/interrupt.h"
#include "csrc/models/dataset.h"
#include "csrc/ops/backend.h"

namespace gibbslab {

struct TrainResult {
  int64_t batches = 0;   // completed
  std::string diverged;  // the tensor that would have become non-finite, or empty
};

// Batches [first, last) of an epoch's order, each of batch_size rows but the last.
struct BatchRange {
  const int64_t* order = nullptr;  // (rows)
  int64_t rows = 0, batch_size = 0, first = 0, last = 0;
};

// Calls step(batch) for each batch until one names a tensor that would become non-finite. `next`
// is the batch to go on with, also after an interrupt.
template <class Step>
TrainResult train_batches(const Context& ctx, const Dataset& data, int64_t visible,
                          const BatchRange& range, int64_t& next, const Step& step) {
  require(data.cols() == visible, "train", [&] {
    return "X must have " + std::to_string(visible) + " columns, got " +
           std::to_string(data.cols());
  });
  TrainResult result;
  next = range.first;
  for (int64_t batch = range.first; batch < range.last; ++batch) {
    const int64_t begin = batch * range.batch_size,
                  end = std::min(range.rows, begin + range.batch_size);
    if (begin >= end) break;
    result.diverged = step(data.gather(ctx, range.order + begin, end - begin));
    if (!result.diverged.empty()) return result;
    ++result.batches;
    ++next;
    poll_interrupt();
  }
  return result;
}

// A parameter's step, kept aside until the whole update is known to be finite.
struct ParameterStep {
  Tensor value, velocity;
  bool finite;

  ParameterStep(const Context& ctx, const Tensor& weight, const Tensor& gradient,
                const Tensor& old_velocity, float learning_rate, float momentum, float l1 = 0.0f,
                float l2 = 0.0f)
      : value(ops::zeros(ctx, weight.rows(), weight.cols())), velocity(value.clone()) {
    Update job;
    job.weight = &weight;
    job.gradient = &gradient;
    job.velocity = &old_velocity;
    job.new_weight = &value;
    job.new_velocity = &velocity;
    job.learning_rate = learning_rate;
    job.momentum = momentum;
    job.l1 = l1;
    job.l2 = l2;
    finite = ops::update(ctx, job);
  }
};

inline void add_running(const Context& ctx, Tensor& mean, const Tensor& now, float rate) {
  ops::linear(ctx, {1.0 - rate, &mean, rate, &now}, mean);
}

inline void add_multiple(const Context& ctx, Tensor& out, const Tensor& x, double p) {
  ops::linear(ctx, {1.0, &out, p, &x}, out);
}

// Grey values as probabilities, drawn anew; binary states as they are.
inline States drawn_input(Context& ctx, const States& v) {
  if (v.binary()) return v;
  BitTensor drawn = ops::zero_bits(ctx, v.rows(), v.cols());
  ops::bernoulli(ctx, v.dense(), ctx.next_draw(Layer::kData), drawn);
  return drawn;
}

}  // namespace gibbslab
