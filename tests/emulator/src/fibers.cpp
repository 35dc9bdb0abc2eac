// The engine of fibers: every CUDA thread that has to wait keeps a stack of its own, and all run on
// the launching OS thread, in an order drawn from the seed.
//
// A fiber runs one CUDA thread after another until one of them has to wait; so a kernel without
// barriers runs all its threads on one stack, as a plain loop.
#include <sys/mman.h>

#include <algorithm>
#include <new>

#include "context.h"
#include "sanitizers.h"
#include "scheduler.h"
#include "static_shared.h"

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace gibbslab::emulator {

Thread* current = nullptr;

struct Worker {
  Context context;
  std::byte* stack = nullptr;
  Thread* thread = nullptr;  // null while idle
  void* fake_stack = nullptr;
};

namespace {

constexpr size_t kPage = 4096;
constexpr size_t kStackBytes = kUnderAsan ? 512 * 1024 : 128 * 1024;
constexpr uint64_t kMostIdleTurns = kUnderAsan ? 1'000'000 : 4'000'000;

struct Scheduler {
  Context main;
  void* main_fake_stack = nullptr;
  const void* main_stack = nullptr;
  size_t main_stack_bytes = 0;
  Group* group = nullptr;
  Block* loaded = nullptr;  // whose static shared variables are in place
  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<Worker*> idle;
  std::vector<Thread*> ready, unstarted;
  uint64_t idle_turns = 0;
} s;

void fiber_main(void* argument);

// Stacks start at different cache lines: at equal offsets they would fight for the same cache set.
void prepare(Worker& worker, size_t number) {
  const size_t colour = number * 5 * 64 % 8192;
  worker.thread = nullptr;
  worker.fake_stack = nullptr;
  unpoison(worker.stack, kStackBytes);
  make_context(worker.context, worker.stack, kStackBytes - colour, fiber_main, &worker);
}

Worker& new_worker() {
  void* at = mmap(nullptr, kStackBytes + kPage, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) throw std::bad_alloc();
  mprotect(at, kPage, PROT_NONE);  // an overrun of the stack stops here
  auto worker = std::make_unique<Worker>();
  worker->stack = static_cast<std::byte*>(at) + kPage;
  prepare(*worker, s.workers.size());
  s.workers.push_back(std::move(worker));
  return *s.workers.back();
}

Worker& idle_worker() {
  if (s.idle.empty()) return new_worker();
  Worker& worker = *s.idle.back();
  s.idle.pop_back();
  return worker;
}

void to_main(Worker& worker) {
  leave_stack(&worker.fake_stack, s.main_stack, s.main_stack_bytes);
  switch_context(worker.context, s.main);
  enter_stack(worker.fake_stack, &s.main_stack, &s.main_stack_bytes);
}

void to_worker(Worker& worker) {
  leave_stack(&s.main_fake_stack, worker.stack, kStackBytes);
  switch_context(s.main, worker.context);
  enter_stack(s.main_fake_stack, nullptr, nullptr);
}

void load_statics(Block& block) {
  if (s.loaded == &block || s.group->blocks.size() == 1) return;
  if (s.loaded) save_statics(s.loaded->statics);
  restore_statics(block.statics);
  s.loaded = &block;
}

void become(Thread& thread) {
  load_statics(*thread.block);
  current = &thread;
  threadIdx = thread.index;
  blockIdx = thread.block->index;
}

void run_thread(Worker& worker, Thread& thread) {
  worker.thread = &thread;
  thread.worker = &worker;
  become(thread);
  try {
    s.group->launch->body();
    thread_returned(thread);
  } catch (const Abandoned&) {
  }
  s.idle_turns = 0;
}

void fiber_main(void* argument) {
  Worker& worker = *static_cast<Worker*>(argument);
  enter_stack(nullptr, &s.main_stack, &s.main_stack_bytes);
  for (;;) {
    while (!s.unstarted.empty() && s.group->error == cudaSuccess) {
      Thread& thread = *s.unstarted.back();
      s.unstarted.pop_back();
      run_thread(worker, thread);
    }
    worker.thread = nullptr;
    s.idle.push_back(&worker);
    to_main(worker);
  }
}

void resume_one() {
  const auto at = random_below(static_cast<unsigned>(s.ready.size()));
  std::swap(s.ready[at], s.ready.back());
  Thread& thread = *s.ready.back();
  s.ready.pop_back();
  become(thread);
  to_worker(*thread.worker);
}

// Threads that wait in a failed kernel are dropped where they stand: they hold nothing to destroy.
void drop_fibers() {
  s.idle.clear();
  for (size_t i = 0; i < s.workers.size(); ++i) {
    prepare(*s.workers[i], i);
    s.idle.push_back(s.workers[i].get());
  }
}

}  // namespace

void suspend(Thread& thread) { to_main(*thread.worker); }

void make_ready(Thread& thread) {
  s.idle_turns = 0;
  s.ready.push_back(&thread);
}

void pass_turn(Thread& thread) {
  if (++s.idle_turns > kMostIdleTurns)
    fail_held(thread, cudaErrorLaunchTimeout, "threads spin on a value that nobody changes");
  s.ready.push_back(&thread);
  to_main(*thread.worker);
}

void order_after(void*) {}
void order_before(void*) {}
void fence() {}
void unseen(Combine combine, void* const* posted, uint32_t mask) { combine(posted, mask); }

void run_group(Group& group) {
  s.group = &group;
  s.loaded = nullptr;
  s.idle_turns = 0;
  blockDim = group.launch->block;
  gridDim = group.launch->grid;
  s.ready.clear();
  s.unstarted.clear();
  for (Thread& thread : group.threads) s.unstarted.push_back(&thread);
  for (size_t i = s.unstarted.size(); i > 1; --i)
    std::swap(s.unstarted[i - 1], s.unstarted[random_below(static_cast<unsigned>(i))]);
  while (group.error == cudaSuccess && group.exited < group.threads.size()) {
    const auto waiting = static_cast<unsigned>(s.ready.size() + s.unstarted.size());
    if (waiting == 0)
      report_deadlock(group);
    else if (random_below(waiting) < s.ready.size())
      resume_one();
    else
      to_worker(idle_worker());
  }
  if (group.error != cudaSuccess) drop_fibers();
  current = nullptr;
}

}  // namespace gibbslab::emulator
