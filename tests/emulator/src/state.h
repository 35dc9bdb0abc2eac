// The imitated device: its settings, errors, memory and captures, behind one lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "cuda_runtime_api.h"

namespace gibbslab::emulator {

// Kinds of calls that can be made to fail.
enum class Call {
  kMalloc,
  kFree,
  kHost,
  kLaunch,
  kMemcpy,
  kMemset,
  kStream,
  kEvent,
  kSync,
  kGraph,
  kBlas,
  kQuery,
  kCount
};

struct Settings {
  int devices = 1;
  int compute_capability = 90;
  int driver = 13000;
  int multiprocessors = 4;
  size_t memory = size_t{8} << 30;
  uint64_t seed = 20240229;
  bool abort_on_report = false;
  bool lazy = false;  // streams run their work when they are waited for
};

struct Allocation {
  size_t bytes = 0;
  cudaMemoryType type = cudaMemoryTypeDevice;
  bool registered = false;  // the caller's memory
  int device = 0;
};

struct FunctionState {
  int most_dynamic_shared = 48 * 1024;
  bool large_clusters = false;
};

struct State {
  std::recursive_mutex mutex;
  Settings settings;
  cudaError_t sticky = cudaSuccess;
  std::map<const std::byte*, Allocation> allocations;
  size_t allocated = 0;
  std::map<std::pair<int, const void*>, FunctionState> functions;  // of each device
  std::vector<CUstream_st*> streams;
  std::vector<CUstream_st*> captures;  // streams whose capture has begun and not ended
  std::string report;
};
State& state();

// Takes the settings from the environment.
void read_settings(Settings& settings);

bool is_sticky(cudaError_t error);
cudaError_t usable();
cudaError_t injected(Call kind);
cudaError_t note(cudaError_t error);
// Fails, and spoils the capture, where a stream is being captured that forbids such calls.
cudaError_t forbidden_in_capture();

// The frame of every runtime call.
template <class F>
cudaError_t call(Call kind, F&& work) {
  const std::lock_guard lock(state().mutex);
  cudaError_t error = usable();
  if (error == cudaSuccess) error = injected(kind);
  if (error == cudaSuccess) error = work();
  return note(error);
}

// Runs the work in stream order: now, or (lazy) when the stream is waited for, or whenever the
// graph is launched if the stream captures.
using Work = std::function<cudaError_t()>;
cudaError_t submit(cudaStream_t stream, Work work);

bool is_default(cudaStream_t stream);
// The thread's; launches, records and products fail on streams of other devices.
int current_device();
cudaError_t check_current(cudaStream_t stream);
// Runs what the stream, or every stream, still has to do; the first error ends it and is returned.
cudaError_t drain(cudaStream_t stream);
cudaError_t drain_all(bool blocking_only = false);

// The allocation that holds the whole range, or null.
const Allocation* find_allocation(const void* at, size_t bytes = 1);

}  // namespace gibbslab::emulator

struct CUgraph_st {
  std::vector<gibbslab::emulator::Work> work;
};
struct CUgraphExec_st {
  std::vector<gibbslab::emulator::Work> work;
};
struct CUstream_st {
  std::deque<gibbslab::emulator::Work> pending;
  int device = gibbslab::emulator::current_device();
  unsigned flags = 0;
  CUgraph_st* graph = nullptr;  // being captured
  bool origin = false;          // the capture began here
  bool spoilt = false;
  cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal;
  std::thread::id thread;
};
struct CUevent_st {
  int device = gibbslab::emulator::current_device();
  unsigned flags = 0;
  bool recorded = false;
  double milliseconds = 0;
  CUgraph_st* graph = nullptr;  // last recorded inside this capture
  cudaStream_t stream = nullptr;
  std::shared_ptr<bool> reached = std::make_shared<bool>(true);
};
