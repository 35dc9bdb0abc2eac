// What the address sanitizer must be told of stacks; nothing without it.
#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define GIBBSLAB_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GIBBSLAB_ASAN 1
#endif
#endif

#ifdef GIBBSLAB_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace gibbslab::emulator {

#ifdef GIBBSLAB_ASAN
constexpr bool kUnderAsan = true;
inline void leave_stack(void** fake, const void* to, size_t bytes) {
  __sanitizer_start_switch_fiber(fake, to, bytes);
}
inline void enter_stack(void* fake, const void** from, size_t* bytes) {
  __sanitizer_finish_switch_fiber(fake, from, bytes);
}
inline void unpoison(const void* at, size_t bytes) { __asan_unpoison_memory_region(at, bytes); }
#else
constexpr bool kUnderAsan = false;
inline void leave_stack(void**, const void*, size_t) {}
inline void enter_stack(void*, const void**, size_t*) {}
inline void unpoison(const void*, size_t) {}
#endif

}  // namespace gibbslab::emulator
