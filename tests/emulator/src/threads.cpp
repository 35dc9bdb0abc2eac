// The engine for the thread sanitizer: one OS thread per CUDA thread.
//
// This file and sync.cpp are compiled without the sanitizer, so that the engine's own lock orders
// nothing in its eyes; what CUDA orders (barriers, __syncwarp, fences, launches) is told to it.
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <climits>
#include <thread>

#include "scheduler.h"
#include "static_shared.h"

#if defined(GIBBSLAB_TSAN)
extern "C" {
void __tsan_acquire(void* at);
void __tsan_release(void* at);
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
}
#endif

GIBBSLAB_PER_THREAD uint3 threadIdx, blockIdx;
GIBBSLAB_PER_THREAD dim3 blockDim, gridDim;

namespace gibbslab::emulator {

GIBBSLAB_PER_THREAD Thread* current = nullptr;

struct Worker {
  std::thread os_thread;
  std::atomic<int> turns{0};  // counts what the worker was woken for: threads to run, waits to end
  int seen = 0;
  Thread* thread = nullptr;
};

namespace {

constexpr uint64_t kMostIdleTurns = 500'000;

struct Engine {
  std::atomic<int> lock{0};
  std::atomic<int> done{0};
  std::vector<std::unique_ptr<Worker>> workers;
  Group* group = nullptr;
  size_t running = 0;  // threads neither waiting nor finished
  uint64_t idle_turns = 0;
  // Their addresses name the sanitizer's edges: launch to threads, threads to launch, fences.
  int start = 0, end = 0, fences = 0;
};
Engine& e = *new Engine;  // never destroyed: its threads sleep until the process ends

void futex_wait(std::atomic<int>& at, int value) {
  syscall(SYS_futex, reinterpret_cast<int*>(&at), FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
}

void futex_wake(std::atomic<int>& at) {
  syscall(SYS_futex, reinterpret_cast<int*>(&at), FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

void lock() {
  while (e.lock.exchange(1, std::memory_order_acquire)) sched_yield();
}

void unlock() { e.lock.store(0, std::memory_order_release); }

void wake(Worker& worker) {
  worker.turns.fetch_add(1, std::memory_order_release);
  futex_wake(worker.turns);
}

void wait_for_turn(Worker& worker) {
  while (worker.turns.load(std::memory_order_acquire) == worker.seen)
    futex_wait(worker.turns, worker.seen);
  ++worker.seen;
}

// Wakes everybody who waits: they find the group failed and leave.
void wake_all_waiting() {
  for (Thread& thread : e.group->threads) {
    if (thread.op == Op::kNone || thread.exited) continue;
    thread.op = Op::kNone;
    ++e.running;
    wake(*thread.worker);
  }
}

// A thread has stopped running: if it was the last, the group has finished or is stuck.
void one_less() {
  if (e.group->error != cudaSuccess) wake_all_waiting();
  if (--e.running > 0) return;
  if (e.group->error == cudaSuccess && e.group->exited < e.group->threads.size()) {
    report_deadlock(*e.group);
    wake_all_waiting();
    if (e.running > 0) return;
  }
  e.done.store(1, std::memory_order_release);
  futex_wake(e.done);
}

void run_thread(Thread& thread) {
  current = &thread;
  threadIdx = thread.index;
  blockIdx = thread.block->index;
  blockDim = e.group->launch->block;
  gridDim = e.group->launch->grid;
  order_after(&e.start);
  bool returned = true;
  try {
    e.group->launch->body();
  } catch (const Abandoned&) {
    returned = false;
  }
  lock();
  if (returned) thread_returned(thread);
  thread.exited = true;
  order_before(&e.end);
  one_less();
  unlock();
}

void work(Worker& worker) {
  for (;;) {
    wait_for_turn(worker);
    run_thread(*worker.thread);
  }
}

// The threads hand on to each other, one lock for all: from one processor to another that takes
// twice as long.
void stay_on_this_processor() {
  cpu_set_t here;
  CPU_ZERO(&here);
  CPU_SET(sched_getcpu(), &here);
  sched_setaffinity(0, sizeof(here), &here);  // what this thread starts inherits it
}

void need_workers(size_t count) {
  if (e.workers.empty()) stay_on_this_processor();
  while (e.workers.size() < count) {
    e.workers.push_back(std::make_unique<Worker>());
    Worker& worker = *e.workers.back();
    worker.os_thread = std::thread([&worker] { work(worker); });
    worker.os_thread.detach();
  }
}

void leave_if_failed(const Thread& thread) {
  if (thread.block->group->error != cudaSuccess) throw Abandoned{};
}

}  // namespace

Guard::Guard() { lock(); }
Guard::~Guard() { unlock(); }

// The rules set thread.op before they suspend a thread; make_ready() follows when it is cleared.
void suspend(Thread& thread) {
  if (e.group->error != cudaSuccess) {
    thread.op = Op::kNone;
    throw Abandoned{};
  }
  one_less();
  unlock();
  wait_for_turn(*thread.worker);
  lock();
  leave_if_failed(thread);
}

void make_ready(Thread& thread) {
  e.idle_turns = 0;
  ++e.running;
  wake(*thread.worker);
}

void pass_turn(Thread& thread) {
  leave_if_failed(thread);
  if (++e.idle_turns > kMostIdleTurns)
    fail_held(thread, cudaErrorLaunchTimeout, "threads spin on a value that nobody changes");
  unlock();
  sched_yield();
  lock();
}

#if defined(GIBBSLAB_TSAN)
void order_after(void* object) { __tsan_acquire(object); }
void order_before(void* object) { __tsan_release(object); }
void unseen(Combine combine, void* const* posted, uint32_t mask) {
  AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
  AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
  combine(posted, mask);
  AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
  AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
}
#else
void order_after(void*) {}
void order_before(void*) {}
void unseen(Combine combine, void* const* posted, uint32_t mask) { combine(posted, mask); }
#endif

void fence() {
  order_after(&e.fences);
  order_before(&e.fences);
}

void run_group(Group& group) {
  lock();
  need_workers(group.threads.size());
  e.group = &group;
  e.running = group.threads.size();
  e.done.store(0);
  e.idle_turns = 0;
  order_before(&e.start);
  for (size_t i = 0; i < group.threads.size(); ++i) {
    group.threads[i].worker = e.workers[i].get();
    e.workers[i]->thread = &group.threads[i];
  }
  for (size_t i = 0; i < group.threads.size(); ++i) wake(*e.workers[i]);
  unlock();
  while (!e.done.load(std::memory_order_acquire)) futex_wait(e.done, 0);
  lock();  // the last thread has left the engine's lock
  unlock();
  order_after(&e.end);
}

}  // namespace gibbslab::emulator
