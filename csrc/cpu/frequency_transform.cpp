#include "csrc/cpu/frequency_transform.h"

#include <algorithm>
#include <cmath>

#include "csrc/core/faults.h"
#include "csrc/cpu/kernels.h"
#include "csrc/cpu/scratch.h"

namespace gibbslab::cpu {
namespace {

constexpr int kPartsSlot = 5;  // of scratch
constexpr double kTurn = 6.283185307179586;

// The planes of a complex number, of its real and its imaginary part; for the result, what each
// product adds to them.
constexpr double kGauss[3][3][2] = {
    {{1, 1}, {1, 0}, {0, 1}}, {{1, 0}, {-1, 1}, {1, 1}}, {{1, 1}, {0, 1}, {-1, 0}}};

// exp(-2 pi i f p / N) times the weight that a frequency has in a sum over half of them.
struct Wave {
  Wave(int64_t frequency, int64_t place, int64_t size, double scale) {
    const int64_t turns = ((frequency * place) % size + size) % size;
    const double angle = kTurn * static_cast<double>(turns) / static_cast<double>(size);
    real = scale * std::cos(angle);
    imaginary = -scale * std::sin(angle);
  }
  double real, imaginary;
};

bool is_real(int64_t frequency, int64_t size) { return frequency == 0 || 2 * frequency == size; }

// Of results, the transform back: 1 / N, twice where a frequency stands for two.
double half_scale(Factor factor, int64_t frequency, int64_t size) {
  if (factor != Factor::kResult) return 1.0;
  const bool once = is_real(frequency, size) || fault("conv_frequency_counted_once");
  return (once ? 1.0 : 2.0) / static_cast<double>(size);
}

// Planes of real numbers along a side. `room` numbers, zeros beyond the places.
Tensor real_planes(Factor factor, int64_t size, const Places& at, int64_t room) {
  Tensor out = Tensor::zeros(planes_of(true, size), room);
  int64_t row = 0;
  for (int64_t f = 0; f <= size / 2; ++f) {
    const int64_t count = is_real(f, size) ? 1 : 3;
    for (int64_t i = 0; i < at.count; ++i) {
      const Wave wave(f, at.first + i * at.step, size, half_scale(factor, f, size));
      for (int64_t k = 0; k < count; ++k) {
        const double* gauss = kGauss[static_cast<int>(factor)][k];
        const double both = gauss[0] * wave.real + gauss[1] * wave.imaginary;
        out.row(row + k)[i] = static_cast<float>(count == 1 ? wave.real : both);
      }
    }
    row += count;
  }
  return out;
}

// Planes of complex numbers along a side; their real parts come before the imaginary ones.
Tensor complex_planes(Factor factor, int64_t size, const Places& at, int64_t room) {
  Tensor out = Tensor::zeros(planes_of(false, size), 2 * room);
  const double scale = factor == Factor::kResult ? 1.0 / static_cast<double>(size) : 1.0;
  for (int64_t f = 0; f < size; ++f)
    for (int64_t i = 0; i < at.count; ++i) {
      const Wave wave(f, at.first + i * at.step, size, scale);
      for (int64_t k = 0; k < 3; ++k) {
        const double* gauss = kGauss[static_cast<int>(factor)][k];
        float* row = out.row(3 * f + k);
        row[i] = static_cast<float>(gauss[0] * wave.real + gauss[1] * wave.imaginary);
        row[room + i] = static_cast<float>(gauss[1] * wave.real - gauss[0] * wave.imaginary);
      }
    }
  return out;
}

}  // namespace

FrequencyTransform::FrequencyTransform(Factor factor, int64_t row_size, int64_t col_size,
                                       Places rows, const std::vector<ColumnResidue>& cols)
    : row_size_(row_size), rows_(Tensor::zeros(2 * groups(row_size), rows.count)) {
  for (int64_t f = 0; f < groups(row_size); ++f)
    for (int64_t i = 0; i < rows.count; ++i) {
      const Wave wave(f, rows.first + i * rows.step, row_size, half_scale(factor, f, row_size));
      rows_.row(2 * f)[i] = static_cast<float>(wave.real);
      rows_.row(2 * f + 1)[i] = static_cast<float>(wave.imaginary);
    }
  int64_t room = 0;
  for (const ColumnResidue& c : cols) {
    cols_ += c.places.count;
    room = std::max(room, c.places.count);
  }
  for (const ColumnResidue& c : cols) {
    first_.push_back(c.first);
    real_.push_back(real_planes(factor, col_size, c.places, room));
    complex_.push_back(complex_planes(factor, col_size, c.places, room));
  }
}

void FrequencyTransform::to_planes(int64_t group, const float* from, const Patch& patch,
                                   const Planes& to, int64_t step) const {
  const int64_t width = patch.width, row = pitch() * width;
  float* sums = static_cast<float*>(scratch(kPartsSlot, parts(group) * row * 4));
  const bool together = patch.col_step == width;
  for (int64_t j = 0; j < (together ? 1 : cols_); ++j)
    kernels().dense_product({rows_.row(2 * group), rows_.stride(), 1, from + j * patch.col_step,
                             patch.row_step, sums + j * width, row, parts(group),
                             together ? cols_ * width : width, rows_.cols(), false});
  for (int64_t k = 0; k < parts(group); ++k)
    std::fill(sums + k * row + cols_ * width, sums + (k + 1) * row, 0.0f);
  for (size_t r = 0; r < first_.size(); ++r) {
    const Tensor& columns = of(group, r);
    kernels().dense_product({columns.data(), columns.stride(), 1, sums + first_[r] * width,
                             residues() * width, to.data + static_cast<int64_t>(r) * step, to.pitch,
                             columns.rows(), width, columns.cols(), false});
  }
}

void FrequencyTransform::from_planes(int64_t group, const Planes& from, int64_t step,
                                     const Patch& patch, float* to) const {
  const int64_t width = patch.width, row = pitch() * width;
  float* sums = static_cast<float*>(scratch(kPartsSlot, parts(group) * row * 4));
  for (size_t r = 0; r < first_.size(); ++r) {
    const Tensor& columns = of(group, r);
    kernels().dense_product({columns.data(), 1, columns.stride(),
                             from.data + static_cast<int64_t>(r) * step, from.pitch,
                             sums + first_[r] * width, residues() * width, columns.cols(), width,
                             columns.rows(), false});
  }
  const bool together = patch.col_step == width;
  for (int64_t j = 0; j < (together ? 1 : cols_); ++j)
    kernels().dense_product({rows_.row(2 * group), 1, rows_.stride(), sums + j * width, row,
                             to + j * patch.col_step, patch.row_step, rows_.cols(),
                             together ? cols_ * width : width, parts(group), group > 0});
}

}  // namespace gibbslab::cpu
