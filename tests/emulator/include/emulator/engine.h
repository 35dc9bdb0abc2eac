// A block of CUDA threads as the engines hold it: threads, warps, barriers, and what each waits
// for.
//
// Two engines run these blocks: fibers on one OS thread (the default), or one OS thread per CUDA
// thread (GIBBSLAB_EMULATOR_THREADS=1, for the thread sanitizer). The rules of barriers and warp
// operations are the same for both and live in src/sync.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "emulator/errors.h"
#include "emulator/vector_types.h"

namespace gibbslab::emulator {

// Where in the source an operation stands.
struct Site {
  const char* file_name = "";
  unsigned line = 0;

  static constexpr Site current(const char* file = __builtin_FILE(),
                                unsigned line = __builtin_LINE()) {
    return {file, line};
  }
};

// What a thread can wait at.
enum class Op : uint8_t {
  kNone,
  kBlock,
  kBlockCount,
  kBlockAnd,
  kBlockOr,
  kWarp,
  kShuffle,
  kVote,
  kMatch,
  kReduce,
  kMma,
  kLdmatrix,
  kCluster,
  kGrid
};
const char* op_name(Op op);

struct Block;
struct Group;
struct Worker;

// A cp.async in flight: performed when its thread waits for it, so that a missing wait shows.
struct AsyncCopy {
  void* to;
  const void* from;
  unsigned bytes;
  unsigned zeros;  // after the bytes
  unsigned commit;
};

struct Warp {
  struct Thread* first = nullptr;
  uint32_t exited = 0;   // lanes that have returned, or never were
  uint32_t waiting = 0;  // lanes inside a warp operation
};

struct Thread {
  uint3 index{};
  unsigned rank = 0;  // linear index in its block
  unsigned lane = 0;
  Block* block = nullptr;
  Warp* warp = nullptr;
  Op op = Op::kNone;
  uint32_t mask = 0;
  Site where;
  void* posted = nullptr;
  bool exited = false;
  Worker* worker = nullptr;
  std::vector<AsyncCopy> copies;
  unsigned commits = 0;
};

struct Barrier {
  unsigned arrived = 0;
  int count = 0;  // predicates that were true
  int result = 0;
  const Thread* first = nullptr;
  // The sanitizer's edges, by turns: who comes to the next barrier before others have left this one
  // must not seem to have come to this one.
  unsigned turn = 0;
  char edges[2] = {};
};

inline constexpr std::align_val_t kSharedAlignment{128};
struct FreeShared {
  void operator()(std::byte* at) const { ::operator delete[](at, kSharedAlignment); }
};

struct Block {
  uint3 index{};
  unsigned cluster_rank = 0;
  Group* group = nullptr;
  Thread* threads = nullptr;
  unsigned exited = 0;
  Barrier barrier;
  std::unique_ptr<std::byte[], FreeShared> dynamic;
  std::vector<std::byte> statics;  // while another block of the group runs
};

// What a launch asks for.
struct Launch {
  const void* function = nullptr;
  dim3 grid, block, cluster;
  size_t shared = 0;
  bool cooperative = false;
  std::function<void()> body;  // runs the kernel as the current thread
};

// Blocks that run at once: one block, the blocks of a cluster, or a cooperative grid.
struct Group {
  const Launch* launch = nullptr;
  unsigned threads_per_block = 0;
  unsigned exited = 0;
  Barrier barrier;
  std::vector<Block> blocks;
  std::vector<Warp> warps;
  std::vector<Thread> threads;
  cudaError_t error = cudaSuccess;
};

#ifdef GIBBSLAB_EMULATOR_THREADS
#define GIBBSLAB_PER_THREAD thread_local
#else
#define GIBBSLAB_PER_THREAD
#endif
extern GIBBSLAB_PER_THREAD Thread* current;

// Waits until every thread of the block (kCluster, kGrid: of the group) has arrived; returns how
// many of them brought a true predicate.
int arrive_and_wait(Op op, int predicate, Site where);

// All lanes named in the mask meet; the last to arrive runs `combine` over what each has posted.
using Combine = void (*)(void* const* posted, uint32_t mask);
void warp_collective(Op op, uint32_t mask, void* posted, Combine combine, Site where);

// Lets other threads run: for loops that wait for a value in memory.
void yield();

// __threadfence and its kind: orders memory between threads for the thread sanitizer.
void fence();

// Prints the report, marks the launch as failed and ends the calling CUDA thread.
[[noreturn]] void fail(cudaError_t error, const std::string& what);

void* dynamic_shared_memory();
// The address in the block `rank` of the cluster that corresponds to `address` in this one.
void* map_shared(void* address, unsigned rank);
unsigned cluster_rank();
unsigned cluster_size();

void copy_async(void* to, const void* from, unsigned bytes, unsigned zeros);
void commit_async();
void wait_async(unsigned pending);

}  // namespace gibbslab::emulator

// Set by the engine whenever a thread goes on.
extern GIBBSLAB_PER_THREAD uint3 threadIdx, blockIdx;
extern GIBBSLAB_PER_THREAD dim3 blockDim, gridDim;
