#include "csrc/core/tensor.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <mutex>
#include <new>
#include <unordered_map>

#include "csrc/core/error.h"

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#define GIBBSLAB_HAS_FORK 1
#endif

namespace gibbslab {
namespace {

constexpr std::align_val_t kAlign{64};

// Blocks given back are kept for the next tensor of the same size: a training step asks for the
// same sizes again and again, and fresh pages cost more than the step's arithmetic.
class Cache {
 public:
  static Cache& get() {
    static Cache* cache = new Cache();  // never destroyed: tensors may outlive static objects
    return *cache;
  }

  void* take(size_t bytes) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (auto found = blocks_.find(bytes); found != blocks_.end()) {
        void* memory = found->second;
        blocks_.erase(found);
        kept_ -= bytes;
        return memory;
      }
    }
    return ::operator new(bytes, kAlign);
  }

  void give(void* memory, size_t bytes) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (kept_ + bytes <= kMostKept) {
        blocks_.emplace(bytes, memory);
        kept_ += bytes;
        return;
      }
    }
    ::operator delete(memory, kAlign);
  }

  void lock() { mutex_.lock(); }
  void unlock() { mutex_.unlock(); }

 private:
  static constexpr size_t kMostKept = size_t{64} << 20;
  std::mutex mutex_;
  std::unordered_multimap<size_t, void*> blocks_;
  size_t kept_ = 0;
};

#ifdef GIBBSLAB_HAS_FORK
// Held across a fork, so that the child never inherits it from a thread that it does not have.
const int g_fork_hook = pthread_atfork([] { Cache::get().lock(); }, [] { Cache::get().unlock(); },
                                       [] { Cache::get().unlock(); });
#endif

// 2^46 bytes is beyond any machine, and keeps every product of sizes from overflowing.
constexpr int64_t kMostBytes = int64_t{1} << 46;

void check_size(int64_t rows, int64_t cols) {
  if (rows < 0 || cols < 0 || std::max(rows, cols) > kMostBytes) throw std::bad_alloc();
  if (cols > 0 && rows > kMostBytes / cols) throw std::bad_alloc();
}

std::shared_ptr<void> aligned_block(int64_t count, int64_t element_bytes) {
#ifdef GIBBSLAB_HAS_FORK
  (void)g_fork_hook;
#endif
  if (count > kMostBytes / element_bytes) throw std::bad_alloc();
  const size_t bytes = static_cast<size_t>(std::max<int64_t>(count, 1) * element_bytes);
  void* memory = Cache::get().take(bytes);
  return std::shared_ptr<void>(memory, [bytes](void* p) { Cache::get().give(p, bytes); });
}

}  // namespace

Tensor Tensor::zeros(int64_t rows, int64_t cols) {
  Tensor t = empty(rows, cols);
  std::memset(t.data_, 0, static_cast<size_t>(rows * t.stride_) * sizeof(float));
  return t;
}

Tensor Tensor::empty(int64_t rows, int64_t cols) {
  check_size(rows, cols);
  Tensor t;
  t.rows_ = rows;
  t.cols_ = cols;
  t.stride_ = padded_stride(cols);
  t.padded_ = true;
  auto storage = aligned_block(rows * t.stride_, sizeof(float));
  t.data_ = static_cast<float*>(storage.get());
  t.owner_ = std::move(storage);
  return t;
}

Tensor Tensor::borrow(const float* data, int64_t rows, int64_t cols, int64_t stride,
                      std::shared_ptr<const void> owner) {
  Tensor t;
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

Tensor Tensor::clone() const {
  Tensor t = zeros(rows_, cols_);
  for (int64_t r = 0; r < rows_; ++r) std::copy_n(row(r), cols_, t.row(r));
  return t;
}

void Tensor::fill(float value) {
  for (int64_t r = 0; r < rows_; ++r) std::fill_n(row(r), cols_, value);
}

BitTensor BitTensor::zeros(int64_t rows, int64_t cols) {
  check_size(rows, cols);
  BitTensor t;
  t.rows_ = rows;
  t.cols_ = cols;
  t.words_ = (cols + 63) / 64;
  auto storage = aligned_block(rows * t.words_, sizeof(uint64_t));
  std::memset(storage.get(), 0, static_cast<size_t>(rows * t.words_) * sizeof(uint64_t));
  t.data_ = std::shared_ptr<uint64_t[]>(storage, static_cast<uint64_t*>(storage.get()));
  return t;
}

BitTensor BitTensor::clone() const {
  BitTensor t = zeros(rows_, cols_);
  std::copy_n(data_.get(), rows_ * words_, t.data_.get());
  return t;
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
