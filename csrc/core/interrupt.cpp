#include "csrc/core/interrupt.h"

#include <atomic>
#include <chrono>

#include "csrc/core/error.h"

namespace gibbslab {
namespace {

std::atomic<InterruptHook> g_hook{nullptr};

}  // namespace

void set_interrupt_hook(InterruptHook hook) { g_hook = hook; }

InterruptHook interrupt_hook() { return g_hook; }

void poll_interrupt() {
  using Clock = std::chrono::steady_clock;
  thread_local Clock::time_point last = Clock::now();
  const auto now = Clock::now();
  if (now - last < std::chrono::milliseconds(50)) return;
  last = now;
  const InterruptHook hook = g_hook.load(std::memory_order_relaxed);
  if (hook != nullptr && hook()) throw Interrupted();
}

}  // namespace gibbslab
