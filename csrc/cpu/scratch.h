// Per-thread working memory of the CPU kernels.
#pragma once

#include <cstdint>

namespace gibbslab::cpu {

// At least `bytes`, 64-byte aligned, contents undefined; valid until the thread's next call with
// the same slot. Grows and is kept, so that steps do not allocate.
void* scratch(int slot, int64_t bytes);

}  // namespace gibbslab::cpu
