// Lets long loops notice Ctrl-C without knowing Python.
#pragma once

namespace gibbslab {

// Returns true when the user asked to stop. Set once by the bindings.
using InterruptHook = bool (*)();
void set_interrupt_hook(InterruptHook hook);
InterruptHook interrupt_hook();

// Call at batch boundaries: asks the hook at most every 50 ms, throws Interrupted if it says stop.
void poll_interrupt();

}  // namespace gibbslab
