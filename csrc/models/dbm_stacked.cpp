// A DBM as one RBM: the layers of one parity side by side are one layer of a bipartite model.
#include <algorithm>

#include "csrc/models/dbm.h"
#include "csrc/ops/backend.h"

namespace gibbslab {

Rbm Dbm::stacked() const {
  int64_t first[2] = {0, 0};
  std::vector<int64_t> place;  // of a layer's first unit among those of its parity
  for (int64_t l = 0; l < layers(); ++l) {
    place.push_back(first[l % 2]);
    first[l % 2] += size(l);
  }
  Tensor w = Tensor::zeros(first[0], first[1]);
  Tensor bias[2] = {Tensor::zeros(1, first[0]), Tensor::zeros(1, first[1])};
  for (int64_t l = 0; l < layers(); ++l) {
    const Tensor b = biases_[l].to(host_memory());
    std::copy_n(b.data(), size(l), bias[l % 2].data() + place[l]);
    if (l + 1 == layers()) break;
    const Tensor pair = weights_[l].get().to(host_memory());
    const bool even_below = l % 2 == 0;
    for (int64_t i = 0; i < pair.rows(); ++i)
      for (int64_t j = 0; j < pair.cols(); ++j)
        (even_below ? w.row(place[l] + i)[place[l + 1] + j]
                    : w.row(place[l + 1] + j)[place[l] + i]) = pair.row(i)[j];
  }
  Memory& memory = ctx_.backend().memory;
  Rbm out(ctx_, first[0], first[1]);
  out.set_weights(w.to(memory));
  out.set_visible_bias(bias[0].to(memory));
  out.set_hidden_bias(bias[1].to(memory));
  return out;
}

}  // namespace gibbslab
