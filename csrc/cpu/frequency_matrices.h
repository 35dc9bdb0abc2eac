// What the convolutions by frequencies have in common: how often images may repeat, and the maps
// from images, kernels and results to matrices in planes, and back.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "csrc/core/convolution.h"
#include "csrc/core/stride_residue.h"
#include "csrc/cpu/frequency_transform.h"
#include "csrc/cpu/scratch.h"

namespace gibbslab::cpu {

constexpr int kMatricesSlot = 4;  // of scratch

// The fewest pixels after which a side may begin again: no pixel then sees another's neighbours.
template <class Residue>
int64_t period(const ConvGeometry& g, int64_t stride, int64_t outputs, const Residue& residue) {
  int64_t size = 1;
  for (int64_t r = 0; r < stride; ++r) {
    const StrideResidue s = residue(g, r);
    size = std::max({size, s.count + s.from, outputs + s.taps - 1 - s.from});
  }
  return size;
}
inline int64_t row_period(const ConvGeometry& g) {
  return period(g, g.stride_rows, g.out_rows, residue_of_rows);
}
inline int64_t col_period(const ConvGeometry& g) {
  return period(g, g.stride_cols, g.out_cols, residue_of_cols);
}

// The columns of x, or of the kernels where `taps`, of each residue by the stride.
inline std::vector<ColumnResidue> column_residues(const ConvGeometry& g, bool taps) {
  std::vector<ColumnResidue> out;
  for (int64_t r = 0; r < g.stride_cols; ++r) {
    const StrideResidue s = residue_of_cols(g, r);
    out.push_back(taps ? ColumnResidue{r, {s.from, -1, s.taps}}
                       : ColumnResidue{s.first, {0, 1, s.count}});
  }
  return out;
}

// Matrices in planes: element (r, c) of plane p lies at data[p pitch + r stride + c].
struct Matrices {
  Planes planes;
  int64_t stride;
  float* row(int64_t r) const { return planes.data + r * stride; }
  Planes at(int64_t r, int64_t c) const { return {row(r) + c, planes.pitch}; }
};

// What the three products have in common. The pixels of x of one residue by the strides, a phase,
// are convolved with the taps that reach them with stride one; all phases add to y. Images
// (N, phases C), kernels and results (N, O) are matrices in each plane of a group.
class FrequencyConv {
 public:
  explicit FrequencyConv(const ConvGeometry& g)
      : g_(g),
        row_size_(row_period(g)),
        result_(Factor::kResult, row_size_, col_period(g), {0, 1, g.out_rows},
                {{0, {0, 1, g.out_cols}}}) {
    for (int64_t r = 0; r < g.stride_rows; ++r) {
      const StrideResidue s = residue_of_rows(g, r);
      images_.push_back(
          {{Factor::kImage, row_size_, col_period(g), {0, 1, s.count}, column_residues(g, false)},
           s.first});
      kernels_.push_back({{Factor::kKernel,
                           row_size_,
                           col_period(g),
                           {s.from, -1, s.taps},
                           column_residues(g, true)},
                          r});
    }
  }

  int64_t groups() const { return FrequencyTransform::groups(row_size_); }
  int64_t planes(int64_t group) const { return result_.planes(group); }
  int64_t channels() const { return g_.stride_rows * g_.stride_cols * g_.channels; }

  // Places for the matrices of one group, (rows, cols) each.
  std::vector<Matrices> places(const std::vector<std::pair<int64_t, int64_t>>& shapes) const {
    // Groups are real, as the first, or complex, as the second mostly is: those have more planes.
    const int64_t most = std::max(planes(0), planes(groups() > 1 ? 1 : 0));
    int64_t size = 0;
    std::vector<Matrices> out;
    for (const auto& [rows, cols] : shapes) {
      const int64_t stride = padded_stride(cols), pitch = padded_stride(rows * stride);
      out.push_back({{nullptr, pitch}, stride});
      size += most * pitch;
    }
    float* at = static_cast<float*>(scratch(kMatricesSlot, size * 4));
    for (Matrices& m : out) {
      m.planes.data = at;
      at += most * m.planes.pitch;
    }
    return out;
  }

  void images_to(int64_t group, const float* x, const Matrices& to, int64_t row) const {
    for (size_t r = 0; r < images_.size(); ++r)
      images_[r].map.to_planes(group, x + images_[r].row * g_.cols * g_.channels, pixels(),
                               to.at(row, column(r)), g_.channels);
  }
  void images_from(int64_t group, const Matrices& from, int64_t row, float* x) const {
    for (size_t r = 0; r < images_.size(); ++r)
      images_[r].map.from_planes(group, from.at(row, column(r)), g_.channels, pixels(),
                                 x + images_[r].row * g_.cols * g_.channels);
  }
  void results_to(int64_t group, const float* y, const Matrices& to, int64_t row) const {
    result_.to_planes(group, y, outputs(), to.at(row, 0), 0);
  }
  void results_from(int64_t group, const Matrices& from, int64_t row, float* y) const {
    result_.from_planes(group, from.at(row, 0), 0, outputs(), y);
  }
  // The kernels from or to channel o of y, w (taps, C): a row (phases C).
  void kernels_to(int64_t group, const float* w, const Matrices& to, int64_t o) const {
    for (size_t r = 0; r < kernels_.size(); ++r)
      kernels_[r].map.to_planes(group, w + kernels_[r].row * g_.tap_row(),
                                taps(g_.channels, g_.channels), to.at(o, column(r)), g_.channels);
  }
  void kernels_from(int64_t group, const Matrices& from, int64_t o, float* w) const {
    for (size_t r = 0; r < kernels_.size(); ++r)
      kernels_[r].map.from_planes(group, from.at(o, column(r)), g_.channels,
                                  taps(g_.channels, g_.channels),
                                  w + kernels_[r].row * g_.tap_row());
  }
  // The kernels transposed, w (taps C, O) with rows `stride` apart: those of channel c of x, as
  // rows c, C + c, ... for each phase.
  void turned_kernels_to(int64_t group, const float* w, int64_t stride, const Matrices& to,
                         int64_t c) const {
    for (size_t r = 0; r < kernels_.size(); ++r)
      kernels_[r].map.to_planes(group, w + (kernels_[r].row * g_.tap_row() + c) * stride,
                                taps(g_.channels * stride, g_.out_channels),
                                to.at(column(r) + c, 0), g_.channels * to.stride);
  }

 private:
  // Rows of one residue, from `row` on.
  struct RowResidue {
    FrequencyTransform map;
    int64_t row;
  };

  int64_t column(size_t residue) const {
    return static_cast<int64_t>(residue) * g_.stride_cols * g_.channels;
  }
  Patch pixels() const {
    return {g_.stride_rows * g_.cols * g_.channels, g_.channels, g_.channels};
  }
  Patch outputs() const {
    return {g_.out_cols * g_.out_channels, g_.out_channels, g_.out_channels};
  }
  Patch taps(int64_t step, int64_t width) const {
    return {g_.stride_rows * g_.kernel_cols * step, step, width};
  }

  ConvGeometry g_;
  int64_t row_size_;
  std::vector<RowResidue> images_, kernels_;
  FrequencyTransform result_;
};

}  // namespace gibbslab::cpu
