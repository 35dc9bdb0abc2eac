#include "context.h"

#include <cstdint>

#ifdef GIBBSLAB_OWN_SWITCH

extern "C" {
void gibbslab_switch_stack(void** save, void* load);
void gibbslab_start_stack();
}

// Saves what the System V ABI has a called function keep: rbx, rbp, r12 to r15.
asm(R"(
.text
.p2align 4
.hidden gibbslab_switch_stack
.globl gibbslab_switch_stack
.type gibbslab_switch_stack,@function
gibbslab_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size gibbslab_switch_stack,.-gibbslab_switch_stack
.p2align 4
.hidden gibbslab_start_stack
.globl gibbslab_start_stack
.type gibbslab_start_stack,@function
gibbslab_start_stack:
  .cfi_startproc
  .cfi_undefined rip
  movq %r12, %rdi
  call *%rbx
  ud2
  .cfi_endproc
.size gibbslab_start_stack,.-gibbslab_start_stack
.section .note.GNU-stack,"",@progbits
.text
)");

namespace gibbslab::emulator {

void make_context(Context& context, std::byte* stack, size_t bytes, void (*entry)(void*),
                  void* argument) {
  const uintptr_t top = (reinterpret_cast<uintptr_t>(stack) + bytes) & ~uintptr_t{15};
  auto* frame = reinterpret_cast<void**>(top) - 9;  // r15 to rbp, the return; 16-byte aligned after
  for (int i = 0; i < 9; ++i) frame[i] = nullptr;
  frame[3] = argument;
  frame[4] = reinterpret_cast<void*>(entry);
  frame[6] = reinterpret_cast<void*>(&gibbslab_start_stack);
  context.stack_pointer = frame;
}

void switch_context(Context& from, Context& to) {
  gibbslab_switch_stack(&from.stack_pointer, to.stack_pointer);
}

}  // namespace gibbslab::emulator

#else

namespace gibbslab::emulator {
namespace {

// makecontext passes ints only: two of them carry each pointer.
void start(unsigned entry_high, unsigned entry_low, unsigned high, unsigned low) {
  const auto join = [](unsigned a, unsigned b) {
    return static_cast<uintptr_t>(static_cast<uint64_t>(a) << 32 | b);
  };
  reinterpret_cast<void (*)(void*)>(join(entry_high, entry_low))(
      reinterpret_cast<void*>(join(high, low)));
}

}  // namespace

void make_context(Context& context, std::byte* stack, size_t bytes, void (*entry)(void*),
                  void* argument) {
  getcontext(&context.state);
  context.state.uc_stack.ss_sp = stack;
  context.state.uc_stack.ss_size = bytes;
  context.state.uc_link = nullptr;
  const uint64_t a = reinterpret_cast<uintptr_t>(entry), b = reinterpret_cast<uintptr_t>(argument);
  makecontext(&context.state, reinterpret_cast<void (*)()>(start), 4,
              static_cast<unsigned>(a >> 32), static_cast<unsigned>(a),
              static_cast<unsigned>(b >> 32), static_cast<unsigned>(b));
}

void switch_context(Context& from, Context& to) { swapcontext(&from.state, &to.state); }

}  // namespace gibbslab::emulator

#endif
