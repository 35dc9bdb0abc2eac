// Float32 matrices and packed binary matrices, row-major.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "csrc/core/memory.h"

namespace gibbslab {

// Rows are padded to this many floats so that SIMD loops have no tails.
constexpr int64_t kLanes = 16;

constexpr int64_t round_up(int64_t n, int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

// An odd number of 64-byte lines to a row: with a power of two, the rows of a panel of columns
// would share a few sets of the cache (W 784 x 500: 2.1 -> 1.75 ms a training step on one Zen 4
// thread).
constexpr int64_t padded_stride(int64_t cols) {
  return kLanes * (round_up(cols, kLanes) / kLanes | 1);
}

// A (rows, cols) float32 matrix. A handle: copies share the storage. Only on the host may row()
// and data() be read through.
class Tensor {
 public:
  Tensor() = default;

  // Owned, 64-byte aligned, zero-filled, with padded_stride(cols); the padding stays finite.
  static Tensor zeros(int64_t rows, int64_t cols, Memory& memory = host_memory());

  // The same without the zeros: for results whose every element, padding too, will be written.
  static Tensor empty(int64_t rows, int64_t cols, Memory& memory = host_memory());

  // A view of `data`, which lies in `memory` and which `owner` keeps alive. Never written through
  // by the library.
  static Tensor borrow(const float* data, int64_t rows, int64_t cols, int64_t stride,
                       std::shared_ptr<const void> owner, Memory& memory = host_memory());

  int64_t rows() const { return rows_; }
  int64_t cols() const { return cols_; }
  int64_t stride() const { return stride_; }
  bool empty() const { return rows_ == 0 || cols_ == 0; }
  // True when the storage is ours: aligned rows with finite padding.
  bool padded() const { return padded_; }
  // Whether another handle refers to the storage.
  bool shared() const { return owner_.use_count() > 1; }

  float* row(int64_t r) { return data_ + r * stride_; }
  const float* row(int64_t r) const { return data_ + r * stride_; }
  float* data() { return data_; }
  const float* data() const { return data_; }

  // Rows [begin, end), sharing the storage.
  Tensor slice(int64_t begin, int64_t end) const;
  // An independent padded copy.
  Tensor clone() const;
  // This tensor where it is padded, else a copy.
  Tensor with_padding() const { return padded_ ? *this : clone(); }
  // This tensor where it lies in `memory`, else a padded copy there.
  Tensor to(Memory& memory) const;
  // Zeros everywhere.
  void clear();
  Memory& memory() const { return *memory_; }

 private:
  Tensor copy_in(Memory& memory) const;

  Memory* memory_ = &host_memory();
  std::shared_ptr<const void> owner_;
  float* data_ = nullptr;
  int64_t rows_ = 0, cols_ = 0, stride_ = 0;
  bool padded_ = false;
};

// A (rows, cols) 0/1 matrix, 64 columns to a word, column c in bit c % 64 of word c / 64.
// Bits at or beyond `cols` are zero. A handle: copies share the storage.
class BitTensor {
 public:
  BitTensor() = default;
  static BitTensor zeros(int64_t rows, int64_t cols, Memory& memory = host_memory());

  int64_t rows() const { return rows_; }
  int64_t cols() const { return cols_; }
  int64_t words_per_row() const { return words_; }
  bool empty() const { return rows_ == 0 || cols_ == 0; }

  uint64_t* row(int64_t r) { return data_.get() + r * words_; }
  const uint64_t* row(int64_t r) const { return data_.get() + r * words_; }
  bool get(int64_t r, int64_t c) const { return (row(r)[c / 64] >> (c % 64)) & 1; }
  void set(int64_t r, int64_t c) { row(r)[c / 64] |= uint64_t{1} << (c % 64); }

  BitTensor clone() const;
  BitTensor to(Memory& memory) const;
  Memory& memory() const { return *memory_; }
  // The number of ones; on the host.
  int64_t count() const;

 private:
  BitTensor copy_in(Memory& memory) const;

  Memory* memory_ = &host_memory();
  std::shared_ptr<uint64_t[]> data_;
  int64_t rows_ = 0, cols_ = 0, words_ = 0;
};

// A batch of unit states (B, N): packed when binary, float32 when real-valued.
class States {
 public:
  States() = default;
  States(Tensor dense) : dense_(std::move(dense)) {}                 // NOLINT: a batch is either
  States(BitTensor bits) : bits_(std::move(bits)), binary_(true) {}  // NOLINT

  bool binary() const { return binary_; }
  int64_t rows() const { return binary_ ? bits_.rows() : dense_.rows(); }
  int64_t cols() const { return binary_ ? bits_.cols() : dense_.cols(); }
  const Tensor& dense() const { return dense_; }
  const BitTensor& bits() const { return bits_; }
  States to(Memory& memory) const;

 private:
  Tensor dense_;
  BitTensor bits_;
  bool binary_ = false;
};

std::string shape_string(int64_t rows, int64_t cols);

}  // namespace gibbslab
