// Launches: checks the shape as the driver does, then runs the blocks group by group.
#include "emulator/launch.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>

#include "sanitizers.h"
#include "scheduler.h"
#include "state.h"
#include "static_shared.h"

namespace gibbslab::emulator {
namespace {

constexpr int kPlainShared = 48 * 1024;  // more must be asked for
uint64_t random_state = 1;

size_t count(const dim3& d) { return size_t{d.x} * d.y * d.z; }

uint3 unravel(size_t index, const dim3& d) {
  return {static_cast<unsigned>(index % d.x), static_cast<unsigned>(index / d.x % d.y),
          static_cast<unsigned>(index / d.x / d.y)};
}

int most_threads_at_once() { return state().settings.multiprocessors * 2048; }

cudaError_t check_shape(const Launch& launch) {
  const int capability = state().settings.compute_capability;
  const FunctionState& function = state().functions[{current_device(), launch.function}];
  const size_t threads = count(launch.block), blocks = count(launch.grid);
  if (capability < 75) return cudaErrorNoKernelImageForDevice;
  if (threads == 0 || threads > 1024 || launch.block.z > 64) return cudaErrorInvalidConfiguration;
  if (blocks == 0 || launch.grid.x > 0x7FFFFFFFu || launch.grid.y > 65535 || launch.grid.z > 65535)
    return cudaErrorInvalidConfiguration;
  size_t most_shared = static_cast<size_t>(function.most_dynamic_shared);
  if (most_shared == kPlainShared) most_shared -= static_shared_bytes(launch.function);
  if (launch.shared > most_shared) return cudaErrorInvalidValue;
  const size_t cluster = count(launch.cluster);
  if (cluster > 1 && capability < 90) return cudaErrorNotSupported;
  if (cluster == 0 || cluster > (function.large_clusters ? 16u : 8u))
    return cudaErrorInvalidClusterSize;
  if (launch.grid.x % launch.cluster.x || launch.grid.y % launch.cluster.y ||
      launch.grid.z % launch.cluster.z)
    return cudaErrorInvalidClusterSize;
  if (launch.cooperative && blocks * threads > static_cast<size_t>(most_threads_at_once()))
    return cudaErrorCooperativeLaunchTooLarge;
  return cudaSuccess;
}

void size_group(Group& group, const Launch& launch, size_t blocks) {
  group.launch = &launch;
  group.threads_per_block = static_cast<unsigned>(count(launch.block));
  const size_t warps = (group.threads_per_block + 31) / 32;
  group.blocks.resize(blocks);
  group.warps.resize(blocks * warps);
  group.threads.resize(blocks * group.threads_per_block);
  for (Block& block : group.blocks) {
    if (launch.shared == 0) continue;
    block.dynamic.reset(static_cast<std::byte*>(::operator new[](launch.shared, kSharedAlignment)));
  }
}

void reset_block(Group& group, size_t at, uint3 index) {
  const size_t warps = (group.threads_per_block + 31) / 32;
  Block& block = group.blocks[at];
  block.index = index;
  block.cluster_rank = static_cast<unsigned>(at);
  block.group = &group;
  block.threads = &group.threads[at * group.threads_per_block];
  block.exited = 0;
  block.barrier = Barrier{};
  block.statics.clear();
  if (block.dynamic) std::memset(block.dynamic.get(), 0xFF, group.launch->shared);
  for (size_t w = 0; w < warps; ++w) {
    const size_t lanes = std::min<size_t>(32, group.threads_per_block - 32 * w);
    group.warps[at * warps + w] = {block.threads + 32 * w, lanes == 32 ? 0 : ~0u << lanes, 0};
  }
  for (unsigned rank = 0; rank < group.threads_per_block; ++rank) {
    Thread& thread = block.threads[rank];
    thread.index = unravel(rank, group.launch->block);
    thread.rank = rank;
    thread.lane = rank % 32;
    thread.block = &block;
    thread.warp = &group.warps[at * warps + rank / 32];
    thread.op = Op::kNone;
    thread.exited = false;
    thread.copies.clear();
    thread.commits = 0;
  }
}

void reset_group(Group& group) {
  group.exited = 0;
  group.barrier = Barrier{};
  poison_statics();
}

// One cluster after another (a cluster of one: one block), in an order drawn from the seed.
cudaError_t run_clusters(Group& group, const Launch& launch) {
  const dim3 clusters(launch.grid.x / launch.cluster.x, launch.grid.y / launch.cluster.y,
                      launch.grid.z / launch.cluster.z);
  std::vector<unsigned> order(count(clusters));
  std::iota(order.begin(), order.end(), 0u);
  for (size_t i = order.size(); i > 1; --i)
    std::swap(order[i - 1], order[random_below(static_cast<unsigned>(i))]);
  for (size_t n = 0; n < order.size() && group.error == cudaSuccess; ++n) {
    const uint3 at = unravel(order[n], clusters);
    reset_group(group);
    for (size_t i = 0; i < group.blocks.size(); ++i) {
      const uint3 in = unravel(i, launch.cluster);
      reset_block(group, i,
                  {at.x * launch.cluster.x + in.x, at.y * launch.cluster.y + in.y,
                   at.z * launch.cluster.z + in.z});
    }
    run_group(group);
  }
  return group.error;
}

cudaError_t run_launch(const Launch& launch) {
  Group group;
  choose_statics(launch.function);
  if (launch.cooperative) {
    size_group(group, launch, count(launch.grid));
    reset_group(group);
    for (size_t i = 0; i < group.blocks.size(); ++i) reset_block(group, i, unravel(i, launch.grid));
    run_group(group);
    return group.error;
  }
  size_group(group, launch, count(launch.cluster));
  return run_clusters(group, launch);
}

}  // namespace

cudaError_t launch(const cudaLaunchConfig_t& config, const void* function,
                   std::function<void()> body) {
  return call(Call::kLaunch, [&] {
    Launch what{function, config.gridDim, config.blockDim, dim3(), config.dynamicSmemBytes,
                false,    std::move(body)};
    for (unsigned i = 0; i < config.numAttrs; ++i) {
      const cudaLaunchAttribute& attribute = config.attrs[i];
      if (attribute.id == cudaLaunchAttributeClusterDimension)
        what.cluster = dim3(attribute.val.clusterDim.x, attribute.val.clusterDim.y,
                            attribute.val.clusterDim.z);
      if (attribute.id == cudaLaunchAttributeCooperative)
        what.cooperative = attribute.val.cooperative != 0;
    }
    cudaError_t error = check_current(config.stream);
    if (error == cudaSuccess) error = check_shape(what);
    if (error != cudaSuccess) return error;
    return submit(config.stream, [what] { return run_launch(what); });
  });
}

void print_report(const Group& group, const Thread& thread, const std::string& what) {
  const auto spell = [](const uint3& v) {
    return "(" + std::to_string(v.x) + "," + std::to_string(v.y) + "," + std::to_string(v.z) + ")";
  };
  const std::string text = kernel_name(group.launch->function) + ", block " +
                           spell(thread.block->index) + ", thread " + spell(thread.index) + ": " +
                           what;
  state().report = text;
  std::fprintf(stderr, "gibbslab emulator: %s\n", text.c_str());
  if (state().settings.abort_on_report) std::abort();
}

// splitmix64 (Steele, Lea, Flood 2014).
unsigned random_below(unsigned bound) {
  uint64_t z = (random_state += 0x9E3779B97F4A7C15u);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return static_cast<unsigned>(((z ^ (z >> 31)) >> 32) * bound >> 32);
}

void seed_random(uint64_t seed) { random_state = seed; }

void* dynamic_shared_memory() { return current->block->dynamic.get(); }

void* map_shared(void* address, unsigned rank) {
  Group& group = *current->block->group;
  const auto offset =
      static_cast<size_t>(static_cast<std::byte*>(address) - current->block->dynamic.get());
  if (group.launch->cooperative || rank >= group.blocks.size())
    fail(cudaErrorIllegalAddress,
         "map_shared: no block " + std::to_string(rank) + " in the cluster");
  if (offset >= group.launch->shared)
    fail(cudaErrorIllegalAddress,
         "map_shared: not an address of this block's dynamic shared memory");
  Block& block = group.blocks[rank];
  if (block.exited == group.threads_per_block)
    fail(cudaErrorIllegalAddress, "map_shared: block " + std::to_string(rank) + " has finished");
  return block.dynamic.get() + offset;
}

unsigned cluster_rank() { return current->block->cluster_rank; }
unsigned cluster_size() {
  return static_cast<unsigned>(count(current->block->group->launch->cluster));
}

void copy_async(void* to, const void* from, unsigned bytes, unsigned zeros) {
  const auto misaligned =
      (reinterpret_cast<uintptr_t>(to) | reinterpret_cast<uintptr_t>(from)) % (bytes + zeros);
  if (misaligned)
    fail(cudaErrorMisalignedAddress, "cp.async: an address is not aligned to the size");
  current->copies.push_back({to, from, bytes, zeros, current->commits});
}

void commit_async() { ++current->commits; }

// Performs the copies of all but the latest `pending` commits.
void wait_async(unsigned pending) {
  Thread& me = *current;
  const unsigned ready = me.commits > pending ? me.commits - pending : 0;
  std::vector<AsyncCopy> left;
  for (const AsyncCopy& copy : me.copies) {
    if (copy.commit >= ready) {
      left.push_back(copy);
      continue;
    }
    std::memcpy(copy.to, copy.from, copy.bytes);
    std::memset(static_cast<std::byte*>(copy.to) + copy.bytes, 0, copy.zeros);
  }
  me.copies.swap(left);
}

}  // namespace gibbslab::emulator

using namespace gibbslab::emulator;

cudaError_t cudaFuncSetAttribute(const void* function, cudaFuncAttribute attribute, int value) {
  return call(Call::kQuery, [&] {
    FunctionState& known = state().functions[{current_device(), function}];
    if (attribute == cudaFuncAttributeMaxDynamicSharedMemorySize) {
      if (value < 0 || value + static_cast<long>(static_shared_bytes(function)) > 227 * 1024)
        return cudaErrorInvalidValue;
      known.most_dynamic_shared = value;
    }
    if (attribute == cudaFuncAttributeNonPortableClusterSizeAllowed)
      known.large_clusters = value != 0;
    return cudaSuccess;
  });
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* function) {
  return call(Call::kQuery, [&] {
    *attributes = {};
    attributes->sharedSizeBytes = static_shared_bytes(function);
    attributes->maxThreadsPerBlock = 1024;
    attributes->numRegs = 32;
    attributes->binaryVersion = attributes->ptxVersion = state().settings.compute_capability;
    attributes->maxDynamicSharedSizeBytes =
        state().functions[{current_device(), function}].most_dynamic_shared;
    return cudaSuccess;
  });
}

cudaError_t cudaFuncGetName(const char** name, const void* function) {
  *name = kernel_symbol(function).c_str();
  return **name ? cudaSuccess : note(cudaErrorInvalidDeviceFunction);
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void* function,
                                                          int threads, size_t shared) {
  return call(Call::kQuery, [&] {
    const size_t used = shared + static_shared_bytes(function);
    size_t most = std::min<size_t>(32, 2048 / std::max(1, threads));
    if (used) most = std::min(most, size_t{228} * 1024 / (used + 1024));
    *blocks = threads > 1024 ? 0 : static_cast<int>(most);
    return cudaSuccess;
  });
}

cudaError_t cudaOccupancyMaxActiveClusters(int* clusters, const void* function,
                                           const cudaLaunchConfig_t* config) {
  int blocks = 0;
  const cudaError_t error = cudaOccupancyMaxActiveBlocksPerMultiprocessor(
      &blocks, function, static_cast<int>(count(config->blockDim)), config->dynamicSmemBytes);
  size_t size = 1;
  for (unsigned i = 0; i < config->numAttrs; ++i) {
    const auto& d = config->attrs[i].val.clusterDim;
    if (config->attrs[i].id == cudaLaunchAttributeClusterDimension) size = size_t{d.x} * d.y * d.z;
  }
  // A cluster stays in one group of processors; the imitated device has one such group of 16.
  *clusters = size > 16 ? 0 : static_cast<int>(std::max<size_t>(blocks > 0, blocks * 16 / size));
  return error;
}
