#include <array>
#include <cstdlib>
#include <memory>
#include <new>

#include "csrc/cpu/cpu_ops.h"
#include "csrc/cpu/scratch.h"

namespace gibbslab {

Backend& cpu_backend() {
  static ChainOps no_chains;
  static CdRunOps no_runs;
  static ReplayOps no_recordings;
  static Backend backend{"cpu",
                         host_memory(),
                         [] { return std::string(cpu::kernels().name); },
                         cpu::elementwise_ops(),
                         cpu::linalg_ops(),
                         cpu::random_ops(),
                         cpu::sampling_ops(),
                         cpu::reduce_ops(),
                         cpu::optim_ops(),
                         no_chains,
                         cpu::unit_ops(),
                         no_runs,
                         cpu::mean_field_ops(),
                         cpu::arithmetic_ops(),
                         cpu::dense_ops(),
                         cpu::conv_ops(),
                         cpu::norm_ops(),
                         cpu::upsample_ops(),
                         cpu::loss_ops(),
                         cpu::descent_ops(),
                         no_recordings};
  return backend;
}

namespace cpu {
namespace {

struct Slot {
  void* memory = nullptr;
  int64_t bytes = 0;
  ~Slot() { ::operator delete(memory, std::align_val_t{64}); }
};

}  // namespace

void* scratch(int slot, int64_t bytes) {
  thread_local std::array<Slot, 8> slots;
  Slot& s = slots.at(static_cast<size_t>(slot));
  if (s.bytes < bytes) {
    ::operator delete(s.memory, std::align_val_t{64});
    s.memory = nullptr;
    s.bytes = 0;
    s.memory = ::operator new(static_cast<size_t>(bytes), std::align_val_t{64});
    s.bytes = bytes;
  }
  return s.memory;
}

}  // namespace cpu
}  // namespace gibbslab
