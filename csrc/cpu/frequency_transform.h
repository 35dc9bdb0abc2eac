// Small images as numbers at frequencies, where a convolution is one product at each of them
// (Mathieu, Henaff and LeCun 2013, arXiv:1312.5851; Vasilache et al. 2014, arXiv:1412.7580).
//
// y_p = sum_q w_q x_{p+q}, cyclic in N pixels, is Y_f = X_f conj(W_f) by the discrete Fourier
// transform, for real images at half of the frequencies. Three products of real numbers are one of
// complex ones: k1 = c (a + b), k2 = a (d - c), k3 = b (c + d) give
// (a + b i)(c + d i) = (k1 - k3) + (k1 + k2) i. So x and w are mapped to planes, one number of each
// in a plane; the numbers in a plane are multiplied; y is mapped from the products. All three maps
// are linear, and transposed they give the gradients.
#pragma once

#include <cstdint>
#include <vector>

#include "csrc/core/tensor.h"

namespace gibbslab::cpu {

// Planes of numbers, `pitch` floats apart.
struct Planes {
  float* data;
  int64_t pitch;
};

// Pixels of an image, or of a kernel: step floats lie between those of a side, `width` channels are
// a pixel.
struct Patch {
  int64_t row_step, col_step, width;
};

// Places first, first + step, ... of pixels along a side.
struct Places {
  int64_t first, step, count;
};

// Of as many residues as there are: every such column of a patch from `first` on, and their places.
struct ColumnResidue {
  int64_t first;
  Places places;
};

// What a patch is in a product; kernels have the negative places.
enum class Factor { kImage, kKernel, kResult };

// Of the frequencies of `size` places those that are real; the others are pairs of conjugates.
constexpr int64_t real_frequencies(int64_t size) { return size % 2 == 0 ? 2 : 1; }

// Planes of the `size` frequencies along a side of real numbers, or of complex ones: one for a real
// frequency, three for a complex one.
constexpr int64_t planes_of(bool real, int64_t size) {
  return real ? real_frequencies(size) + 3 * (size - real_frequencies(size)) / 2 : 3 * size;
}

// The planes of `size` x `size` frequencies come in groups, one for each frequency of the rows: the
// products of a group fit the caches.
class FrequencyTransform {
 public:
  FrequencyTransform(Factor factor, int64_t row_size, int64_t col_size, Places rows,
                     const std::vector<ColumnResidue>& cols);

  static int64_t groups(int64_t row_size) { return row_size / 2 + 1; }
  int64_t planes(int64_t group) const { return real(group) ? real_[0].rows() : complex_[0].rows(); }

  // The planes of a group from a patch, and what they add to it by the transposed map; those of one
  // residue lie `step` floats from those of the last.
  void to_planes(int64_t group, const float* from, const Patch& patch, const Planes& to,
                 int64_t step) const;
  void from_planes(int64_t group, const Planes& from, int64_t step, const Patch& patch,
                   float* to) const;

 private:
  // The real and, where it has one, the imaginary part of a group's frequency.
  bool real(int64_t group) const { return group == 0 || 2 * group == row_size_; }
  // Those of each column: parts(group) rows of pitch() columns, zeros where there is none.
  int64_t parts(int64_t group) const { return real(group) ? 1 : 2; }
  int64_t pitch() const { return residues() * real_[0].cols(); }
  int64_t residues() const { return static_cast<int64_t>(first_.size()); }
  const Tensor& of(int64_t group, size_t residue) const {
    return real(group) ? real_[residue] : complex_[residue];
  }

  int64_t row_size_, cols_ = 0;
  Tensor rows_;                         // (2 groups, rows): parts of each frequency
  std::vector<int64_t> first_;          // columns
  std::vector<Tensor> real_, complex_;  // (planes, parts columns) of each residue
};

}  // namespace gibbslab::cpu
