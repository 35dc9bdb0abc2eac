// The mean-field posterior of a DBM: mu_l = sigmoid(beta (mu_{l-1} W + mu_{l+1} W^T + b_l)) for
// every hidden layer, mu_0 = v (Salakhutdinov and Hinton 2009, eq. 6 and 7).
#include <algorithm>

#include "csrc/core/error.h"
#include "csrc/core/faults.h"
#include "csrc/core/interrupt.h"
#include "csrc/models/dbm.h"
#include "csrc/ops/backend.h"

namespace gibbslab {

// From the bottom up, inputs doubled in place of what lies above.
Layers Dbm::first_means(const States& v, float beta) const {
  Layers x{v};
  for (int64_t l = 1; l < layers(); ++l) {
    Tensor mean = ops::zeros(ctx_, v.rows(), size(l));
    const Tensor bias = scaled_bias(ctx_, biases_[l], beta);
    HalfStep outputs;
    outputs.mean = &mean;
    const float doubled = l + 1 < layers() ? 2.0f * beta : beta;
    run_step({&x[l - 1], &weights_[l - 1], Direction::kUp}, &bias, nullptr, doubled, outputs);
    x.emplace_back(mean);
  }
  return x;
}

MeanField Dbm::infer(const States& v, const MeanFieldOptions& options) const {
  require(v.cols() == size(0), "DBM.infer", [&] {
    return "v must have " + std::to_string(size(0)) + " columns, got " + std::to_string(v.cols());
  });
  require(options.max_iterations >= 1, "DBM.infer", [] { return "max_iterations must be >= 1"; });
  MeanField out;
  out.layers = first_means(v, options.beta);
  out.changes.assign(static_cast<size_t>(v.rows()), 0.0);
  const Tensor from_data = input_from_below(v, 1, options.beta);
  std::vector<Tensor> spare;  // zeros: a dense product leaves the padding as it is
  for (int64_t l = 0; l < layers(); ++l)
    spare.push_back(l == 0 ? Tensor() : ops::zeros(ctx_, v.rows(), size(l)));
  std::vector<double> change(out.changes.size());
  while (out.iterations < options.max_iterations) {
    std::fill(out.changes.begin(), out.changes.end(), 0.0);
    for (int64_t parity = 1; parity >= 0; --parity)
      for (int64_t l = parity == 1 ? 1 : 2; l < layers(); l += 2) {
        HalfStep outputs;
        outputs.mean = &spare[l];
        step_given(out.layers, l, options.beta, l == 1 ? &from_data : nullptr, outputs);
        if (fault("upper_input_forgotten") && l == 1) ops::sigmoid(ctx_, from_data, spare[l]);
        const Tensor before = out.layers[l].dense();
        ops::largest_differences(ctx_, spare[l], before, change.data());
        for (size_t r = 0; r < change.size(); ++r)
          out.changes[r] = std::max(out.changes[r], change[r]);
        out.layers[l] = spare[l];
        spare[l] = before;
      }
    ++out.iterations;
    poll_interrupt();
    if (*std::max_element(out.changes.begin(), out.changes.end()) < options.tolerance) break;
  }
  return out;
}

}  // namespace gibbslab
