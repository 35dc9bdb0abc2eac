// A switch of stacks: of our own on x86-64, by ucontext elsewhere.
#pragma once

#include <cstddef>

#if defined(__x86_64__)
#define GIBBSLAB_OWN_SWITCH 1
#else
#include <ucontext.h>
#endif

namespace gibbslab::emulator {

#ifdef GIBBSLAB_OWN_SWITCH
struct Context {
  void* stack_pointer = nullptr;
};
#else
struct Context {
  ucontext_t state;
};
#endif

// A context that calls entry(argument) on the given stack when first switched to.
void make_context(Context& context, std::byte* stack, size_t bytes, void (*entry)(void*),
                  void* argument);
void switch_context(Context& from, Context& to);

}  // namespace gibbslab::emulator
