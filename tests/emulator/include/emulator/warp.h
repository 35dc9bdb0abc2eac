// Barriers, shuffles, votes and match, as CUDA spells them.
#pragma once

#include <bit>
#include <cstring>

#include "emulator/engine.h"

namespace gibbslab::emulator {

template <class T>
struct Exchange {
  T mine, result;
  int lane, source;
};

// Every lane reads the value of the lane that its `source` names.
template <class T>
T shuffle(uint32_t mask, T value, int source, Site where) {
  Exchange<T> mine{value, value, static_cast<int>(current->lane), source};
  warp_collective(
      Op::kShuffle, mask, &mine,
      [](void* const* posted, uint32_t named) {
        for (uint32_t left = named; left; left &= left - 1) {
          auto& to = *static_cast<Exchange<T>*>(posted[std::countr_zero(left)]);
          if (named >> to.source & 1)
            to.result = static_cast<Exchange<T>*>(posted[to.source])->mine;
          else  // undefined on the device: poison
            std::memset(static_cast<void*>(&to.result), 0xFF, sizeof(T));
        }
      },
      where);
  return mine.result;
}

// The lanes of the mask whose predicate holds.
inline uint32_t ballot(uint32_t mask, int predicate, Site where) {
  Exchange<uint32_t> mine{predicate != 0, 0, 0, 0};
  warp_collective(
      Op::kVote, mask, &mine,
      [](void* const* posted, uint32_t named) {
        uint32_t votes = 0;
        for (uint32_t left = named; left; left &= left - 1) {
          const int lane = std::countr_zero(left);
          votes |= static_cast<Exchange<uint32_t>*>(posted[lane])->mine << lane;
        }
        for (uint32_t left = named; left; left &= left - 1)
          static_cast<Exchange<uint32_t>*>(posted[std::countr_zero(left)])->result = votes;
      },
      where);
  return mine.result;
}

// The lanes of the mask that hold the same value.
template <class T>
uint32_t match(uint32_t mask, T value, Site where) {
  struct Post {
    T value;
    uint32_t result;
  } mine{value, 0};
  warp_collective(
      Op::kMatch, mask, &mine,
      [](void* const* posted, uint32_t named) {
        for (uint32_t a = named; a; a &= a - 1)
          for (uint32_t b = named; b; b &= b - 1) {
            const int i = std::countr_zero(a), j = std::countr_zero(b);
            auto &x = *static_cast<Post*>(posted[i]), &y = *static_cast<Post*>(posted[j]);
            if (x.value == y.value) x.result |= 1u << j;
          }
      },
      where);
  return mine.result;
}

// A reduction over the lanes of the mask, in lane order.
template <class T, class Fold>
T reduce(uint32_t mask, T value, Fold, Site where) {
  Exchange<T> mine{value, value, 0, 0};
  warp_collective(
      Op::kReduce, mask, &mine,
      [](void* const* posted, uint32_t named) {
        const auto at = [&](uint32_t left) {
          return static_cast<Exchange<T>*>(posted[std::countr_zero(left)]);
        };
        T sum = at(named)->mine;
        for (uint32_t left = named & (named - 1); left; left &= left - 1)
          sum = Fold{}(sum, at(left)->mine);
        for (uint32_t left = named; left; left &= left - 1) at(left)->result = sum;
      },
      where);
  return mine.result;
}

inline int segment_start(int width) { return static_cast<int>(current->lane) & -width; }

}  // namespace gibbslab::emulator

inline void __syncthreads(gibbslab::emulator::Site where = gibbslab::emulator::Site::current()) {
  gibbslab::emulator::arrive_and_wait(gibbslab::emulator::Op::kBlock, 0, where);
}
inline int __syncthreads_count(
    int predicate, gibbslab::emulator::Site where = gibbslab::emulator::Site::current()) {
  using namespace gibbslab::emulator;
  return arrive_and_wait(Op::kBlockCount, predicate, where);
}
inline int __syncthreads_and(int predicate,
                             gibbslab::emulator::Site where = gibbslab::emulator::Site::current()) {
  using namespace gibbslab::emulator;
  return arrive_and_wait(Op::kBlockAnd, predicate, where) ==
         static_cast<int>(current->block->group->threads_per_block);
}
inline int __syncthreads_or(int predicate,
                            gibbslab::emulator::Site where = gibbslab::emulator::Site::current()) {
  using namespace gibbslab::emulator;
  return arrive_and_wait(Op::kBlockOr, predicate, where) != 0;
}
inline void __syncwarp(unsigned mask = 0xFFFFFFFFu,
                       gibbslab::emulator::Site where = gibbslab::emulator::Site::current()) {
  using namespace gibbslab::emulator;
  warp_collective(Op::kWarp, mask, nullptr, nullptr, where);
}

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32,
              gibbslab::emulator::Site where = gibbslab::emulator::Site::current()) {
  using namespace gibbslab::emulator;
  return shuffle(mask, value, segment_start(width) + (source & (width - 1)), where);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32,
                 gibbslab::emulator::Site where = gibbslab::emulator::Site::current()) {
  using namespace gibbslab::emulator;
  const int lane = static_cast<int>(current->lane), from = lane - static_cast<int>(delta);
  return shuffle(mask, value, from >= segment_start(width) ? from : lane, where);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32,
                   gibbslab::emulator::Site where = gibbslab::emulator::Site::current()) {
  using namespace gibbslab::emulator;
  const int lane = static_cast<int>(current->lane), from = lane + static_cast<int>(delta);
  return shuffle(mask, value, from < segment_start(width) + width ? from : lane, where);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int flips, int width = 32,
                  gibbslab::emulator::Site where = gibbslab::emulator::Site::current()) {
  using namespace gibbslab::emulator;
  const int lane = static_cast<int>(current->lane), from = lane ^ flips;
  return shuffle(mask, value, from < segment_start(width) + width ? from : lane, where);
}

inline unsigned __ballot_sync(
    unsigned mask, int predicate,
    gibbslab::emulator::Site where = gibbslab::emulator::Site::current()) {
  return gibbslab::emulator::ballot(mask, predicate, where);
}
inline int __any_sync(unsigned mask, int predicate,
                      gibbslab::emulator::Site where = gibbslab::emulator::Site::current()) {
  return gibbslab::emulator::ballot(mask, predicate, where) != 0;
}
inline int __all_sync(unsigned mask, int predicate,
                      gibbslab::emulator::Site where = gibbslab::emulator::Site::current()) {
  return gibbslab::emulator::ballot(mask, predicate, where) == mask;
}
// A thread cannot know who else is active; alone it always is.
inline unsigned __activemask() { return 1u << gibbslab::emulator::current->lane; }

template <class T>
unsigned __match_any_sync(unsigned mask, T value,
                          gibbslab::emulator::Site where = gibbslab::emulator::Site::current()) {
  return gibbslab::emulator::match(mask, value, where);
}
template <class T>
unsigned __match_all_sync(unsigned mask, T value, int* same,
                          gibbslab::emulator::Site where = gibbslab::emulator::Site::current()) {
  *same = gibbslab::emulator::match(mask, value, where) == mask;
  return *same ? mask : 0;
}

#define GIBBSLAB_REDUCE(name, T, expression)                                            \
  inline T name(unsigned mask, T value,                                                 \
                gibbslab::emulator::Site where = gibbslab::emulator::Site::current()) { \
    return gibbslab::emulator::reduce(                                                  \
        mask, value, [](T a, T b) { return static_cast<T>(expression); }, where);       \
  }
GIBBSLAB_REDUCE(__reduce_add_sync, unsigned, a + b)
GIBBSLAB_REDUCE(__reduce_add_sync, int, static_cast<unsigned>(a) + static_cast<unsigned>(b))
GIBBSLAB_REDUCE(__reduce_min_sync, unsigned, b < a ? b : a)
GIBBSLAB_REDUCE(__reduce_min_sync, int, b < a ? b : a)
GIBBSLAB_REDUCE(__reduce_max_sync, unsigned, a < b ? b : a)
GIBBSLAB_REDUCE(__reduce_max_sync, int, a < b ? b : a)
GIBBSLAB_REDUCE(__reduce_and_sync, unsigned, a& b)
GIBBSLAB_REDUCE(__reduce_or_sync, unsigned, a | b)
GIBBSLAB_REDUCE(__reduce_xor_sync, unsigned, a ^ b)
#undef GIBBSLAB_REDUCE

inline void __threadfence() { gibbslab::emulator::fence(); }
inline void __threadfence_block() { gibbslab::emulator::fence(); }
inline void __threadfence_system() { gibbslab::emulator::fence(); }
inline void __nanosleep(unsigned) { gibbslab::emulator::yield(); }
