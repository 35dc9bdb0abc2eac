// Channels of images in rows, as the kernels take them, and moments of parts of a batch.
#pragma once

#include <algorithm>
#include <numeric>
#include <vector>

#include "csrc/core/norm_formulas.h"
#include "csrc/cpu/kernels.h"
#include "csrc/ops/norm.h"

namespace gibbslab::cpu {

// How many lanes end with the last of `channels`: see NormLanes.
inline int64_t lanes_of(int64_t channels) { return std::lcm<int64_t>(channels, kLanes); }

// Rows of numbers of channels, (rows, lanes): row r, lane l is of(l % channels)[r].
template <class Of>
Tensor spread_channels(int64_t rows, int64_t channels, const Of& of) {
  Tensor out = Tensor::zeros(rows, lanes_of(channels));
  for (int64_t l = 0; l < out.cols(); ++l) {
    const auto numbers = of(l % channels);
    for (int64_t r = 0; r < rows; ++r) out.row(r)[l] = numbers[static_cast<size_t>(r)];
  }
  return out;
}

class ChannelLanes {
 public:
  explicit ChannelLanes(const Channels& channels)
      : numbers_(spread_channels(4, channels.count(), [&](int64_t c) {
          const auto at = [&](const Tensor* x, float otherwise) {
            return x != nullptr ? x->data()[c] : otherwise;
          };
          const ChannelNorm norm =
              ChannelNorm::of(channels.mean->data()[c], channels.variance->data()[c],
                              channels.epsilon, at(channels.gamma, 1.0f), at(channels.beta, 0.0f));
          return std::vector<float>{norm.mean, norm.inverse_deviation, norm.gamma, norm.beta};
        })) {}

  NormLanes lanes() const {
    return {numbers_.row(0), numbers_.row(1), numbers_.row(2), numbers_.row(3), numbers_.cols()};
  }

 private:
  Tensor numbers_;
};

// Two sums for each channel in each part of a batch, in float64. A part is summed by one task, and
// the parts are merged in their order: results do not depend on the threads.
class ChannelParts {
 public:
  ChannelParts(int64_t parts, int64_t channels)
      : channels_(channels), width_(lanes_of(channels)), count_(static_cast<size_t>(parts)) {
    sums_.resize(count_.size() * static_cast<size_t>(2 * width_));
  }

  int64_t width() const { return width_; }
  int64_t parts() const { return static_cast<int64_t>(count_.size()); }
  double* first(int64_t part) { return sums_.data() + 2 * part * width_; }
  double* second(int64_t part) { return first(part) + width_; }

  // Adds to a part the elements and squares of `pixels` pixels, whose channels lie `step` apart
  // where that is not 0, else side by side.
  void add_moments(int64_t part, const float* x, int64_t pixels, int64_t step = 0) {
    const int64_t end = step == 0 ? pixels * channels_ : (pixels - 1) * step + channels_;
    kernels().moment_sums(x, step == 0 ? width_ : step, end, width_, first(part), second(part));
    count_[static_cast<size_t>(part)] += static_cast<double>(pixels);
  }

  // Of one channel: part by part, or all.
  double sum(const double* lanes, int64_t c) const {
    double total = 0;
    for (int64_t l = c; l < width_; l += channels_) total += lanes[l];
    return total;
  }
  PartMoments moments(int64_t c) {
    PartMoments all{0, 0, 0};
    for (int64_t p = 0; p < parts(); ++p)
      all = merged(all, PartMoments::of(sum(first(p), c), sum(second(p), c),
                                        count_[static_cast<size_t>(p)]));
    return all;
  }
  void give_moments(Tensor& mean, Tensor& variance) {
    for (int64_t c = 0; c < channels_; ++c) {
      const PartMoments all = moments(c);
      mean.data()[c] = static_cast<float>(all.mean);
      variance.data()[c] = static_cast<float>(all.squares / all.count);
    }
  }

 private:
  int64_t channels_, width_;
  std::vector<double> count_, sums_;
};

}  // namespace gibbslab::cpu
