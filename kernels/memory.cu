// Device memory: a cache of blocks, and copies through page-locked buffers.
//
// Everything runs on one stream, so a block given back may serve the next request at once: work
// queued on it before comes first. Addresses stay as they are while a block is referred to, which
// captured graphs rely on.
#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <new>
#include <vector>

#include "kernels/check.cuh"
#include "kernels/device.cuh"
#include "kernels/our_device.cuh"

namespace gibbslab::cuda {
namespace {

constexpr int64_t kSmall = int64_t{1} << 20;
constexpr int64_t kStagingBytes = int64_t{4} << 20;

// Sizes are rounded so that requests of nearly the same size share blocks.
int64_t rounded(int64_t bytes) {
  const int64_t unit = bytes <= kSmall ? 512 : 2 * kSmall;
  return (std::max<int64_t>(bytes, 1) + unit - 1) / unit * unit;
}

struct OutOfMemory : std::bad_alloc {
  explicit OutOfMemory(int64_t asked) {
    const OnOurDevice here;
    size_t free = 0, total = 0;
    cudaMemGetInfo(&free, &total);
    std::snprintf(text, sizeof(text),
                  "[cuda] out of device memory: asked for %lld bytes, %llu of %llu are free",
                  static_cast<long long>(asked), static_cast<unsigned long long>(free),
                  static_cast<unsigned long long>(total));
  }
  const char* what() const noexcept override { return text; }
  char text[160];
};

// Two page-locked buffers, used in turn; each waits for its own last copy only.
class Staging {
 public:
  char* next() {
    Buffer& b = buffers_[turn_ ^= 1];
    if (b.memory == nullptr) {
      check(cudaMallocHost(reinterpret_cast<void**>(&b.memory), kStagingBytes), "cudaMallocHost");
      check(cudaEventCreateWithFlags(&b.done, cudaEventDisableTiming), "cudaEventCreate");
    } else {
      check(cudaEventSynchronize(b.done), "cudaEventSynchronize");
    }
    return b.memory;
  }
  // To be called after the copy from or to the buffer that next() gave was queued.
  cudaEvent_t queued() {
    check(cudaEventRecord(buffers_[turn_].done, stream()), "cudaEventRecord");
    return buffers_[turn_].done;
  }

 private:
  struct Buffer {
    char* memory = nullptr;
    cudaEvent_t done{};
  };
  Buffer buffers_[2];
  int turn_ = 0;
};

class CachingMemory : public Memory {
 public:
  bool on_host() const override { return false; }

  std::shared_ptr<void> allocate(int64_t bytes) override {
    const int64_t size = rounded(bytes);
    void* block = take(size);
    std::shared_ptr<void> owner(block, [this, size](void* p) { give(p, size); });
    if (Recorder* recording = recorder(); recording != nullptr) recording->blocks.push_back(owner);
    return owner;
  }

  void clear(void* at, int64_t bytes) override {
    const OnOurDevice here;
    if (bytes > 0) check(cudaMemsetAsync(at, 0, bytes, stream()), "cudaMemsetAsync");
  }

  void copy(const Copy& job) override {
    if (job.rows == 0 || job.bytes == 0) return;
    const OnOurDevice here;
    if (job.transfer == Transfer::kWithin) {
      check(cudaMemcpy2DAsync(job.to, job.to_pitch, job.from, job.from_pitch, job.bytes, job.rows,
                              cudaMemcpyDeviceToDevice, stream()),
            "cudaMemcpy2DAsync");
      return;
    }
    std::lock_guard<std::mutex> lock(staging_mutex_);
    for (const Copy& part : parts(job))
      if (job.transfer == Transfer::kFromHost)
        send(part);
      else
        receive(part);
  }

  std::uintptr_t queue() const override { return reinterpret_cast<std::uintptr_t>(stream()); }

  // The runtime knows where each allocation of the process lies, whoever made it.
  bool holds(const void* at, int64_t bytes) const override {
    if (bytes == 0) return true;
    return on_this_device(at) && on_this_device(static_cast<const char*>(at) + bytes - 1);
  }

  void wait_for(std::uintptr_t other) override {
    follow(stream(), reinterpret_cast<cudaStream_t>(other));
  }
  void let_wait(std::uintptr_t other) override {
    follow(reinterpret_cast<cudaStream_t>(other), stream());
  }
  void finish() noexcept override { (void)cudaStreamSynchronize(stream()); }
  void finish_all() noexcept override {
    try {
      const OnOurDevice here;
      (void)cudaDeviceSynchronize();
    } catch (const DeviceError&) {  // left to the next call that can report it
    }
  }

 private:
  static bool on_this_device(const void* at) {
    cudaPointerAttributes found{};
    if (cudaPointerGetAttributes(&found, at) != cudaSuccess) {
      cudaGetLastError();  // a pointer that the runtime does not know is no fault of the device
      return false;
    }
    return found.type == cudaMemoryTypeManaged ||
           (found.type == cudaMemoryTypeDevice && found.device == kOurDevice);
  }

  // Work queued on `second` from now on waits for what is queued on `first` now.
  static void follow(cudaStream_t second, cudaStream_t first) {
    const OnOurDevice here;
    cudaEvent_t done{};
    check(cudaEventCreateWithFlags(&done, cudaEventDisableTiming), "cudaEventCreate");
    const cudaError_t recorded = cudaEventRecord(done, first);
    const cudaError_t waits =
        recorded == cudaSuccess ? cudaStreamWaitEvent(second, done, 0) : recorded;
    cudaEventDestroy(done);  // as soon as it is no longer waited for
    check(waits, "cudaStreamWaitEvent");
  }

  // Pieces of at most one staging buffer each.
  static std::vector<Copy> parts(Copy job) {
    if (job.to_pitch == job.bytes && job.from_pitch == job.bytes) {
      job.bytes = job.to_pitch = job.from_pitch = job.bytes * job.rows;
      job.rows = 1;
    }
    const int64_t many = std::max<int64_t>(1, kStagingBytes / job.bytes);
    std::vector<Copy> out;
    for (int64_t r = 0; r < job.rows; r += many)
      for (int64_t b = 0; b < job.bytes; b += kStagingBytes)
        out.push_back({static_cast<char*>(job.to) + r * job.to_pitch + b, job.to_pitch,
                       static_cast<const char*>(job.from) + r * job.from_pitch + b, job.from_pitch,
                       std::min(job.bytes - b, kStagingBytes), std::min(job.rows - r, many),
                       job.transfer});
    return out;
  }

  void send(const Copy& part) {
    char* buffer = staging_.next();
    for (int64_t r = 0; r < part.rows; ++r)
      std::memcpy(buffer + r * part.bytes,
                  static_cast<const char*>(part.from) + r * part.from_pitch, part.bytes);
    check(cudaMemcpy2DAsync(part.to, part.to_pitch, buffer, part.bytes, part.bytes, part.rows,
                            cudaMemcpyHostToDevice, stream()),
          "cudaMemcpy2DAsync");
    staging_.queued();
  }

  void receive(const Copy& part) {
    char* buffer = staging_.next();
    check(cudaMemcpy2DAsync(buffer, part.bytes, part.from, part.from_pitch, part.bytes, part.rows,
                            cudaMemcpyDeviceToHost, stream()),
          "cudaMemcpy2DAsync");
    check(cudaEventSynchronize(staging_.queued()), "cudaEventSynchronize");
    for (int64_t r = 0; r < part.rows; ++r)
      std::memcpy(static_cast<char*>(part.to) + r * part.to_pitch, buffer + r * part.bytes,
                  part.bytes);
  }

  void* take(int64_t size) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (auto found = free_.find(size); found != free_.end()) {
      void* block = found->second;
      free_.erase(found);
      return block;
    }
    const OnOurDevice here;
    void* block = nullptr;
    cudaError_t error = cudaMalloc(&block, size);
    if (error == cudaErrorMemoryAllocation && !free_.empty() && recorder() == nullptr) {
      cudaGetLastError();
      release_all();
      error = cudaMalloc(&block, size);
    }
    if (error == cudaErrorMemoryAllocation) {
      cudaGetLastError();  // not sticky: the next call works
      throw OutOfMemory(size);
    }
    check(error, "cudaMalloc");
    return block;
  }

  void give(void* block, int64_t size) {
    std::lock_guard<std::mutex> lock(mutex_);
    free_.emplace(size, block);
  }

  void release_all() {
    check(cudaStreamSynchronize(stream()), "cudaStreamSynchronize");
    for (const auto& [size, block] : free_) check(cudaFree(block), "cudaFree");
    free_.clear();
  }

  std::mutex mutex_, staging_mutex_;
  std::multimap<int64_t, void*> free_;
  Staging staging_;
};

}  // namespace

Memory& device_memory() {
  static CachingMemory* memory = new CachingMemory();  // tensors may outlive static objects
  return *memory;
}

}  // namespace gibbslab::cuda
