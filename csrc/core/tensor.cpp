#include "csrc/core/tensor.h"

#include <algorithm>
#include <bit>
#include <new>

#include "csrc/core/error.h"

namespace gibbslab {
namespace {

// 2^46 bytes is beyond any machine, and keeps every product of sizes from overflowing.
constexpr int64_t kMostBytes = int64_t{1} << 46;

void check_size(int64_t rows, int64_t cols) {
  if (rows < 0 || cols < 0 || std::max(rows, cols) > kMostBytes) throw std::bad_alloc();
  if (cols > 0 && rows > kMostBytes / cols) throw std::bad_alloc();
}

std::shared_ptr<void> block(Memory& memory, int64_t count, int64_t element_bytes) {
  if (count > kMostBytes / element_bytes) throw std::bad_alloc();
  return memory.allocate(count * element_bytes);
}

Transfer direction(const Memory& from, const Memory& to) {
  if (from.on_host() == to.on_host()) return Transfer::kWithin;
  return to.on_host() ? Transfer::kToHost : Transfer::kFromHost;
}

// The device's side knows how to copy.
void transfer(Memory& from, Memory& to, Copy job) {
  job.transfer = direction(from, to);
  (to.on_host() ? from : to).copy(job);
}

}  // namespace

Tensor Tensor::zeros(int64_t rows, int64_t cols, Memory& memory) {
  Tensor t = empty(rows, cols, memory);
  memory.clear(t.data_, rows * t.stride_ * static_cast<int64_t>(sizeof(float)));
  return t;
}

Tensor Tensor::empty(int64_t rows, int64_t cols, Memory& memory) {
  check_size(rows, cols);
  Tensor t;
  t.memory_ = &memory;
  t.rows_ = rows;
  t.cols_ = cols;
  t.stride_ = padded_stride(cols);
  t.padded_ = true;
  auto storage = block(memory, rows * t.stride_, sizeof(float));
  t.data_ = static_cast<float*>(storage.get());
  t.owner_ = std::move(storage);
  return t;
}

Tensor Tensor::borrow(const float* data, int64_t rows, int64_t cols, int64_t stride,
                      std::shared_ptr<const void> owner, Memory& memory) {
  Tensor t;
  t.memory_ = &memory;
  t.rows_ = rows;
  t.cols_ = cols;
  t.stride_ = stride;
  t.data_ = const_cast<float*>(data);
  t.owner_ = std::move(owner);
  return t;
}

Tensor Tensor::slice(int64_t begin, int64_t end) const {
  require(0 <= begin && begin <= end && end <= rows_, "Tensor.slice", [&] {
    return "rows " + std::to_string(begin) + ":" + std::to_string(end) +
           " are outside a tensor of " + std::to_string(rows_) + " rows";
  });
  Tensor t = *this;
  t.data_ = data_ + begin * stride_;
  t.rows_ = end - begin;
  return t;
}

Tensor Tensor::clone() const { return copy_in(*memory_); }

Tensor Tensor::to(Memory& memory) const { return &memory == memory_ ? *this : copy_in(memory); }

Tensor Tensor::copy_in(Memory& memory) const {
  constexpr int64_t kBytes = sizeof(float);
  Tensor t = zeros(rows_, cols_, memory);
  transfer(*memory_, memory,
           {t.data_, t.stride_ * kBytes, data_, stride_ * kBytes, cols_ * kBytes, rows_});
  return t;
}

void Tensor::clear() {
  memory_->clear(data_, rows_ * stride_ * static_cast<int64_t>(sizeof(float)));
}

BitTensor BitTensor::zeros(int64_t rows, int64_t cols, Memory& memory) {
  check_size(rows, cols);
  BitTensor t;
  t.memory_ = &memory;
  t.rows_ = rows;
  t.cols_ = cols;
  t.words_ = (cols + 63) / 64;
  auto storage = block(memory, rows * t.words_, sizeof(uint64_t));
  memory.clear(storage.get(), rows * t.words_ * static_cast<int64_t>(sizeof(uint64_t)));
  t.data_ = std::shared_ptr<uint64_t[]>(storage, static_cast<uint64_t*>(storage.get()));
  return t;
}

BitTensor BitTensor::clone() const { return copy_in(*memory_); }

BitTensor BitTensor::to(Memory& memory) const {
  return &memory == memory_ ? *this : copy_in(memory);
}

BitTensor BitTensor::copy_in(Memory& memory) const {
  BitTensor t = zeros(rows_, cols_, memory);
  const int64_t bytes = rows_ * words_ * static_cast<int64_t>(sizeof(uint64_t));
  transfer(*memory_, memory, {t.data_.get(), bytes, data_.get(), bytes, bytes, 1});
  return t;
}

States States::to(Memory& memory) const {
  if (binary_) return bits_.to(memory);
  return dense_.to(memory);
}

int64_t BitTensor::count() const {
  int64_t total = 0;
  for (int64_t i = 0; i < rows_ * words_; ++i) total += std::popcount(data_[i]);
  return total;
}

std::string shape_string(int64_t rows, int64_t cols) {
  return "(" + std::to_string(rows) + ", " + std::to_string(cols) + ")";
}

}  // namespace gibbslab
