// The state of parallel tempering as numbers of float32, there and back.
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "csrc/core/error.h"
#include "csrc/models/tempering.h"

namespace gibbslab {
namespace {

// Sweeps are counted modulo this in a state: even, and exact in float32.
constexpr int64_t kSweepsModulo = 1000000;

void require_state(bool sound, const char* what) {
  require(sound, "tempering.restore", [&] { return std::string(what); });
}

// The row as whole numbers in 0 ... most.
std::vector<int64_t> whole_row(const Tensor& x, int64_t r, int64_t most, const char* what) {
  std::vector<int64_t> out(static_cast<size_t>(x.cols()));
  for (size_t c = 0; c < out.size(); ++c) {
    const float value = x.row(r)[c];
    require_state(value >= 0.0f && value <= static_cast<float>(most) && value == std::floor(value),
                  what);
    out[c] = static_cast<int64_t>(value);
  }
  return out;
}

}  // namespace

Tensor Tempering::ladder_state() const {
  Tensor out = Tensor::zeros(3, ladder_.size());
  for (int64_t t = 0; t < ladder_.size(); ++t) out.row(0)[t] = static_cast<float>(ladder_[t]);
  for (size_t t = 0; t < ladder_.accepted().size(); ++t) {
    out.row(1)[t] = static_cast<float>(ladder_.accepted()[t]);
    out.row(2)[t] = static_cast<float>(ladder_.proposed()[t]);
  }
  out.row(2)[ladder_.size() - 1] = static_cast<float>(sweeps_ % kSweepsModulo);
  return out;
}

Tensor Tempering::replica_state() const {
  Tensor out = Tensor::zeros(3, rows());
  for (size_t r = 0; r < level_.size(); ++r) {
    out.row(0)[r] = static_cast<float>(level_[r]);
    out.row(1)[r] = static_cast<float>(last_end_[r]);
    out.row(2)[r] = static_cast<float>(trips_[r]);
  }
  return out;
}

void Tempering::restore(const Tensor& ladder, const Tensor& replicas) {
  require_state(ladder.rows() == 3 && ladder.cols() == ladder_.size(), "ladder must be (3, T)");
  require_state(replicas.rows() == 3 && replicas.cols() == rows(), "replicas must be (3, T C)");
  const int64_t pairs = ladder_.size() - 1;
  Ladder moved(std::vector<double>(ladder.row(0), ladder.row(0) + ladder_.size()));
  for (int64_t t = 0; t < pairs; ++t) {
    const float accepted = ladder.row(1)[t], proposed = ladder.row(2)[t];
    require_state(accepted >= 0.0f && std::isfinite(proposed) && proposed >= 0.0f,
                  "counts of exchanges must be at least 0");
    moved.count(t, accepted, static_cast<int64_t>(std::min(proposed, 0x1p62f)));
  }
  const float sweeps = ladder.row(2)[pairs];
  require_state(sweeps >= 0.0f && sweeps < kSweepsModulo, "sweeps must be below a million");
  std::vector<int64_t> level = whole_row(replicas, 0, pairs, "levels must be in 0 ... T - 1");
  std::vector<int64_t> ends = whole_row(replicas, 1, kHotAfterCold, "ends must be 0, 1 or 2");
  std::vector<int64_t> trips = whole_row(replicas, 2, int64_t{1} << 62, "trips must be whole");
  set_level(std::move(level));
  ladder_ = std::move(moved);
  last_end_ = std::move(ends);
  trips_ = std::move(trips);
  sweeps_ = static_cast<int64_t>(sweeps);
}

}  // namespace gibbslab
