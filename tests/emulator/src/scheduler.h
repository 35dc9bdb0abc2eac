// What an engine gives to the rules of sync.cpp, and what those give to it.
#pragma once

#include <string>

#include "emulator/engine.h"

namespace gibbslab::emulator {

// The engine's lock. Fibers need none: only one of them runs.
struct Guard {
#ifdef GIBBSLAB_EMULATOR_THREADS
  Guard();
  ~Guard();
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;
#else
  Guard() {}  // not trivial, so that a guard is no unused variable
#endif
};

// Thrown through the frames of a kernel that must not go on.
struct Abandoned {};

// The engine. All are called with the guard held.
void suspend(Thread& thread);     // returns when made ready
void make_ready(Thread& thread);  // it has suspended itself
void pass_turn(Thread& thread);
void order_after(void* object);  // the thread sanitizer's edges; nothing for fibers
void order_before(void* object);
// Runs `combine` hidden from the thread sanitizer: it hands over values, not memory.
void unseen(Combine combine, void* const* posted, uint32_t mask);

// Runs every thread of a prepared group to its end; errors are left in the group.
void run_group(Group& group);

// The rules, called by the engine.
void thread_returned(Thread& thread);
[[noreturn]] void fail_held(Thread& thread, cudaError_t error, const std::string& what);
// Nobody can go on: reports who waits for what and marks the group as failed.
void report_deadlock(Group& group);
// The first fault of a group counts.
void report(Group& group, const Thread& thread, cudaError_t error, const std::string& what);
void print_report(const Group& group, const Thread& thread, const std::string& what);

// A random number below `bound`, from the seed.
unsigned random_below(unsigned bound);
void seed_random(uint64_t seed);

}  // namespace gibbslab::emulator
