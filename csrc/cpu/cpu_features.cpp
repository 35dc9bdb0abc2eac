#include <cstring>
#include <string>

#include "csrc/core/error.h"
#include "csrc/core/settings.h"
#include "csrc/cpu/kernels.h"

namespace gibbslab::cpu {

const Kernels& table_baseline();
#ifdef GIBBSLAB_X86_KERNELS
const Kernels& table_avx2();
const Kernels& table_avx512();
#endif

namespace {

#ifdef GIBBSLAB_X86_KERNELS
bool has_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
         __builtin_cpu_supports("popcnt");
}

bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512vpopcntdq") && __builtin_cpu_supports("avx512vbmi2");
}
#endif

const Kernels& choose() {
  if (const std::string name = setting("GIBBSLAB_ISA"); !name.empty()) {
    if (const Kernels* table = find_kernels(name.c_str())) return *table;
    throw DeviceError(
        "[kernels] GIBBSLAB_ISA must name an instruction set of this machine (baseline, avx2 or "
        "avx512), got '" +
        name + "'");
  }
  for (const char* name : {"avx512", "avx2"})
    if (const Kernels* table = find_kernels(name)) return *table;
  return table_baseline();
}

}  // namespace

const Kernels* find_kernels(const char* name) {
  if (std::strcmp(name, "baseline") == 0) return &table_baseline();
#ifdef GIBBSLAB_X86_KERNELS
  if (std::strcmp(name, "avx2") == 0 && has_avx2()) return &table_avx2();
  if (std::strcmp(name, "avx512") == 0 && has_avx512()) return &table_avx512();
#endif
  return nullptr;
}

const Kernels& kernels() {
  static const Kernels& chosen = choose();
  return chosen;
}

}  // namespace gibbslab::cpu
