#include "csrc/models/labels.h"

#include <algorithm>

namespace gibbslab {

void require_labels(const char* op, const std::vector<int64_t>& labels, int64_t rows,
                    int64_t classes) {
  require(static_cast<int64_t>(labels.size()) == rows, op, [&] {
    return "y must have " + std::to_string(rows) + " labels, got " + std::to_string(labels.size());
  });
  require(
      std::all_of(labels.begin(), labels.end(), [&](int64_t y) { return 0 <= y && y < classes; }),
      op, [&] { return "y must be at least 0 and below " + std::to_string(classes); });
}

BitTensor one_hot(const Context& ctx, const std::vector<int64_t>& labels, int64_t classes) {
  BitTensor out = BitTensor::zeros(static_cast<int64_t>(labels.size()), classes);
  for (size_t r = 0; r < labels.size(); ++r) out.set(static_cast<int64_t>(r), labels[r]);
  return out.to(ctx.backend().memory);
}

}  // namespace gibbslab
