// Labels 0 ... K - 1, one for every row.
#pragma once

#include <string>
#include <vector>

#include "csrc/models/dataset.h"
#include "csrc/models/trainer_parts.h"

namespace gibbslab {

// Rows and their labels.
struct LabelledDataset {
  Dataset data;
  std::vector<int64_t> labels;
};

// Throws, naming `op`, unless there are `rows` labels, each below `classes`.
void require_labels(const char* op, const std::vector<int64_t>& labels, int64_t rows,
                    int64_t classes);
// Labels as one-hot rows (count, K) where the context computes.
BitTensor one_hot(const Context& ctx, const std::vector<int64_t>& labels, int64_t classes);

// See trainer_parts.h: calls step(batch, labels of its rows).
template <class Step>
TrainResult train_batches(const Context& ctx, const LabelledDataset& data, int64_t visible,
                          int64_t classes, const BatchRange& range, int64_t& next,
                          const Step& step) {
  require_labels("train", data.labels, data.data.rows(), classes);
  std::vector<int64_t> labels;
  return train_batches(ctx, data.data, visible, range, next, [&](const States& v) {
    const int64_t* order = range.order + next * range.batch_size;
    labels.resize(static_cast<size_t>(v.rows()));
    for (size_t r = 0; r < labels.size(); ++r)
      labels[r] = data.labels[static_cast<size_t>(order[r])];
    return step(v, labels);
  });
}

}  // namespace gibbslab
