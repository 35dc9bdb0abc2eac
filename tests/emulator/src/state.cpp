#include "state.h"

#include <cstdlib>

#include "emulator/control.h"
#include "failures.h"
#include "scheduler.h"

namespace gibbslab::emulator {
namespace {

thread_local cudaError_t last_error = cudaSuccess;

template <class T>
void from_environment(const char* name, T& value) {
  if (const char* text = std::getenv(name)) value = static_cast<T>(std::strtoull(text, nullptr, 0));
}

}  // namespace

void read_settings(Settings& settings) {
  settings = Settings{};
  from_environment("GIBBSLAB_EMULATOR_DEVICES", settings.devices);
  from_environment("GIBBSLAB_EMULATOR_CC", settings.compute_capability);
  from_environment("GIBBSLAB_EMULATOR_DRIVER", settings.driver);
  from_environment("GIBBSLAB_EMULATOR_SMS", settings.multiprocessors);
  from_environment("GIBBSLAB_EMULATOR_MEMORY", settings.memory);
  from_environment("GIBBSLAB_EMULATOR_SEED", settings.seed);
  from_environment("GIBBSLAB_EMULATOR_ABORT", settings.abort_on_report);
  from_environment("GIBBSLAB_EMULATOR_LAZY", settings.lazy);
  seed_random(settings.seed);
}

// Never destroyed: other libraries' destructors may still free device memory at exit.
State& state() {
  static State* const all = [] {
    auto* made = new State;
    read_settings(made->settings);
    set_failures(std::getenv("GIBBSLAB_EMULATOR_FAIL"));
    return made;
  }();
  return *all;
}

bool is_sticky(cudaError_t error) {
  switch (error) {
    case cudaErrorECCUncorrectable:
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchTimeout:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorLaunchFailure:
    case cudaErrorUnknown:
      return true;
    default:
      return false;
  }
}

cudaError_t usable() {
  const State& all = state();
  if (all.settings.driver / 1000 < CUDART_VERSION / 1000) return cudaErrorInsufficientDriver;
  if (all.settings.devices == 0) return cudaErrorNoDevice;
  return all.sticky;
}

cudaError_t note(cudaError_t error) {
  if (error != cudaSuccess && error != cudaErrorNotReady) last_error = error;
  if (!is_sticky(error)) return error;
  state().sticky = error;
  for (CUstream_st* stream : state().streams) stream->pending.clear();  // lost with the device
  return error;
}

const Allocation* find_allocation(const void* at, size_t bytes) {
  const auto& all = state().allocations;
  const auto* start = static_cast<const std::byte*>(at);
  auto found = all.upper_bound(start);
  if (found == all.begin()) return nullptr;
  --found;
  const size_t offset = static_cast<size_t>(start - found->first);
  return offset <= found->second.bytes && bytes <= found->second.bytes - offset ? &found->second
                                                                                : nullptr;
}

}  // namespace gibbslab::emulator

using namespace gibbslab::emulator;

cudaError_t cudaPeekAtLastError() {
  const std::lock_guard lock(state().mutex);
  return state().sticky != cudaSuccess ? state().sticky : last_error;
}

cudaError_t cudaGetLastError() {
  const cudaError_t error = cudaPeekAtLastError();
  last_error = cudaSuccess;
  return error;
}

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
#define GIBBSLAB_X(name, value, text) \
  case name:                          \
    return #name;
    GIBBSLAB_CUDA_ERRORS(GIBBSLAB_X)
#undef GIBBSLAB_X
  }
  return "unrecognized error code";
}

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
#define GIBBSLAB_X(name, value, text) \
  case name:                          \
    return text;
    GIBBSLAB_CUDA_ERRORS(GIBBSLAB_X)
#undef GIBBSLAB_X
  }
  return "unrecognized error code";
}

void gibbslab_emulator_reset() {
  State& all = state();
  const std::lock_guard lock(all.mutex);
  read_settings(all.settings);
  set_failures(std::getenv("GIBBSLAB_EMULATOR_FAIL"));
  all.sticky = last_error = cudaSuccess;
  all.report.clear();
}
void gibbslab_emulator_set_memory(size_t bytes) { state().settings.memory = bytes; }
void gibbslab_emulator_set_seed(uint64_t seed) {
  state().settings.seed = seed;
  seed_random(seed);
}
void gibbslab_emulator_set_devices(int count) { state().settings.devices = count; }
void gibbslab_emulator_set_compute_capability(int major_minor) {
  state().settings.compute_capability = major_minor;
}
void gibbslab_emulator_set_driver(int version) { state().settings.driver = version; }
void gibbslab_emulator_set_lazy(int lazy) { state().settings.lazy = lazy != 0; }
const char* gibbslab_emulator_last_report() { return state().report.c_str(); }
size_t gibbslab_emulator_allocated() { return state().allocated; }
