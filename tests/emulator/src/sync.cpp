// The rules of barriers and warp operations, the same for both engines.
#include <bit>
#include <cstring>

#include "scheduler.h"

namespace gibbslab::emulator {
namespace {

const char* const kNames[] = {"nothing",
                              "__syncthreads",
                              "__syncthreads_count",
                              "__syncthreads_and",
                              "__syncthreads_or",
                              "__syncwarp",
                              "a shuffle",
                              "a vote",
                              "a match",
                              "a warp reduction",
                              "mma",
                              "ldmatrix",
                              "cluster_sync",
                              "grid_sync"};

std::string hex(uint32_t mask) {
  char text[16];
  std::snprintf(text, sizeof(text), "0x%08x", mask);
  return text;
}

std::string at(const Site& where) {
  const char* slash = std::strrchr(where.file_name, '/');
  return std::string(slash ? slash + 1 : where.file_name) + ":" + std::to_string(where.line);
}

bool same_site(const Site& a, const Site& b) {
  return a.line == b.line && !std::strcmp(a.file_name, b.file_name);
}

std::string triple(const uint3& v) {
  return "(" + std::to_string(v.x) + "," + std::to_string(v.y) + "," + std::to_string(v.z) + ")";
}

std::string waits(const Thread& thread) {
  std::string text = "thread " + triple(thread.index) + " of block " + triple(thread.block->index) +
                     " waits at " + op_name(thread.op);
  if (thread.op >= Op::kWarp && thread.op <= Op::kLdmatrix) text += " of mask " + hex(thread.mask);
  return text + " (" + at(thread.where) + ")";
}

// The barrier of the operation, and how many threads must meet there.
struct Level {
  Barrier& barrier;
  unsigned expected, exited;
  Thread* threads;
};

Level level_of(Thread& me, Op op) {
  Block& block = *me.block;
  Group& group = *block.group;
  if (op == Op::kCluster || op == Op::kGrid)
    return {group.barrier, static_cast<unsigned>(group.threads.size()), group.exited,
            group.threads.data()};
  return {block.barrier, group.threads_per_block, block.exited, block.threads};
}

void release(Level level, Thread& me) {
  level.barrier.result = level.barrier.count;
  level.barrier.arrived = 0;
  level.barrier.count = 0;
  level.barrier.first = nullptr;
  ++level.barrier.turn;
  const Op op = me.op;
  me.op = Op::kNone;
  for (unsigned i = 0; i < level.expected; ++i) {
    Thread& other = level.threads[i];
    if (&other == &me || other.op != op) continue;
    other.op = Op::kNone;
    make_ready(other);
  }
}

void check_barrier(Thread& me, const Level& level, Op op, const Site& where) {
  if (level.exited)
    fail_held(me, cudaErrorLaunchFailure,
              std::string("divergent ") + op_name(op) + " (" + at(where) +
                  "): " + std::to_string(level.exited) + " of " + std::to_string(level.expected) +
                  " threads have already returned from the kernel");
  const Thread* first = level.barrier.first;
  if (first && (first->op != op || !same_site(first->where, where)))
    fail_held(me, cudaErrorLaunchFailure,
              std::string("divergent ") + op_name(op) + " (" + at(where) + "): " + waits(*first));
}

// Lanes of `mask` other than mine that wait inside an operation of this very mask.
void check_mask(Thread& me, Op op, uint32_t mask, const Site& where) {
  const std::string name =
      std::string(op_name(op)) + " of mask " + hex(mask) + " (" + at(where) + ")";
  if (!(mask >> me.lane & 1))
    fail_held(me, cudaErrorLaunchFailure,
              name + ": the mask does not name the calling lane " + std::to_string(me.lane));
  if (mask & me.warp->exited)
    fail_held(me, cudaErrorLaunchFailure,
              name + ": the mask names lane " +
                  std::to_string(std::countr_zero(mask & me.warp->exited)) +
                  ", which has returned from the kernel or does not exist");
  for (uint32_t left = me.warp->waiting & mask; left; left &= left - 1) {
    const Thread& other = me.warp->first[std::countr_zero(left)];
    if (other.mask != mask || other.op != op)
      fail_held(me, cudaErrorLaunchFailure, name + " meets another operation: " + waits(other));
  }
}

bool mask_is_right(const Thread& me, Op op, uint32_t mask) {
  if (!(mask >> me.lane & 1) || (mask & me.warp->exited)) return false;
  const uint32_t others = me.warp->waiting & mask;
  if (!others) return true;
  const Thread& other = me.warp->first[std::countr_zero(others)];
  return other.mask == mask && other.op == op;
}

}  // namespace

const char* op_name(Op op) { return kNames[static_cast<int>(op)]; }

int arrive_and_wait(Op op, int predicate, Site where) {
  const Guard guard;
  Thread& me = *current;
  const Level level = level_of(me, op);
  check_barrier(me, level, op, where);
  me.op = op;
  me.where = where;
  level.barrier.count += predicate != 0;
  void* edge = &level.barrier.edges[level.barrier.turn % 2];
  order_before(edge);
  if (++level.barrier.arrived == level.expected) {
    release(level, me);
  } else {
    if (!level.barrier.first) level.barrier.first = &me;
    suspend(me);
  }
  order_after(edge);
  return level.barrier.result;
}

void warp_collective(Op op, uint32_t mask, void* posted, Combine combine, Site where) {
  const Guard guard;
  Thread& me = *current;
  Warp& warp = *me.warp;
  if (!mask_is_right(me, op, mask)) check_mask(me, op, mask, where);
  me.op = op;
  me.mask = mask;
  me.where = where;
  me.posted = posted;
  warp.waiting |= 1u << me.lane;
  // Only __syncwarp orders memory: the others hand over values and no more.
  if (op == Op::kWarp) order_before(&warp);
  if ((warp.waiting & mask) == mask) {
    check_mask(me, op, mask, where);
    void* all[32] = {};
    for (uint32_t left = mask; left; left &= left - 1) {
      const int lane = std::countr_zero(left);
      all[lane] = warp.first[lane].posted;
    }
    if (combine) unseen(combine, all, mask);
    warp.waiting &= ~mask;
    me.op = Op::kNone;
    for (uint32_t left = mask & ~(1u << me.lane); left; left &= left - 1) {
      Thread& other = warp.first[std::countr_zero(left)];
      other.op = Op::kNone;
      make_ready(other);
    }
  } else {
    suspend(me);
  }
  if (op == Op::kWarp) order_after(&warp);
}

void yield() {
  const Guard guard;
  pass_turn(*current);
}

void thread_returned(Thread& me) {
  Block& block = *me.block;
  Group& group = *block.group;
  me.exited = true;
  ++block.exited;
  ++group.exited;
  me.warp->exited |= 1u << me.lane;
  if (group.error != cudaSuccess) return;
  if (!me.copies.empty())
    report(group, me, cudaErrorLaunchFailure, "returned with cp.async copies not waited for");
  for (const Barrier* barrier : {&block.barrier, &group.barrier})
    if (barrier->first)
      report(group, me, cudaErrorLaunchFailure,
             std::string("divergent ") + op_name(barrier->first->op) +
                 ": this thread returned from the kernel while " + waits(*barrier->first));
  for (uint32_t left = me.warp->waiting; left; left &= left - 1) {
    const Thread& other = me.warp->first[std::countr_zero(left)];
    if (other.mask >> me.lane & 1)
      report(group, me, cudaErrorLaunchFailure,
             "lane " + std::to_string(me.lane) + " returned from the kernel while " + waits(other));
  }
}

void report(Group& group, const Thread& thread, cudaError_t error, const std::string& what) {
  if (group.error != cudaSuccess) return;
  group.error = error;
  print_report(group, thread, what);
}

void report_deadlock(Group& group) {
  const Thread *stuck = nullptr, *other = nullptr;
  for (const Thread& thread : group.threads) {
    if (thread.exited || thread.op == Op::kNone) continue;
    if (!stuck) stuck = &thread;
    if (thread.op != stuck->op || thread.mask != stuck->mask) other = &thread;
  }
  std::string what = "deadlock: ";
  what += stuck ? waits(*stuck) : "every thread spins";
  if (other) what += "; " + waits(*other);
  report(group, stuck ? *stuck : group.threads.front(), cudaErrorLaunchFailure, what);
}

void fail_held(Thread& thread, cudaError_t error, const std::string& what) {
  report(*thread.block->group, thread, error, what);
  throw Abandoned{};
}

void fail(cudaError_t error, const std::string& what) {
  const Guard guard;
  fail_held(*current, error, what);
}

}  // namespace gibbslab::emulator
