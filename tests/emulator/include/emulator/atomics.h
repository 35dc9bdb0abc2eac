// Atomics on global and shared memory: relaxed, as on the device.
#pragma once

#include <cstdint>

namespace gibbslab::emulator {

template <class T>
T load_relaxed(const T* at) {
  T value;
  __atomic_load(at, &value, __ATOMIC_RELAXED);
  return value;
}

// Replaces *at by change(*at) and returns what was there.
template <class T, class Change>
T update(T* at, Change change) {
  T old = load_relaxed(at);
  for (T next = change(old);
       !__atomic_compare_exchange(at, &old, &next, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);)
    next = change(old);
  return old;
}

}  // namespace gibbslab::emulator

#define GIBBSLAB_ATOMIC(name, T, expression)                                                  \
  inline T name(T* at, T value) {                                                             \
    return gibbslab::emulator::update(at, [=](T old) { return static_cast<T>(expression); }); \
  }                                                                                           \
  inline T name##_block(T* at, T value) { return name(at, value); }                           \
  inline T name##_system(T* at, T value) { return name(at, value); }
// Signed sums wrap on the device: they are taken without a sign here.
GIBBSLAB_ATOMIC(atomicAdd, int, static_cast<unsigned>(old) + static_cast<unsigned>(value))
GIBBSLAB_ATOMIC(atomicSub, int, static_cast<unsigned>(old) - static_cast<unsigned>(value))
GIBBSLAB_ATOMIC(atomicAdd, unsigned, old + value)
GIBBSLAB_ATOMIC(atomicSub, unsigned, old - value)
GIBBSLAB_ATOMIC(atomicAdd, unsigned long long, old + value)
GIBBSLAB_ATOMIC(atomicAdd, float, old + value)
GIBBSLAB_ATOMIC(atomicAdd, double, old + value)
#define GIBBSLAB_ATOMICS(T)                                \
  GIBBSLAB_ATOMIC(atomicExch, T, ((void)old, value))       \
  GIBBSLAB_ATOMIC(atomicMin, T, value < old ? value : old) \
  GIBBSLAB_ATOMIC(atomicMax, T, old < value ? value : old) \
  GIBBSLAB_ATOMIC(atomicAnd, T, old& value)                \
  GIBBSLAB_ATOMIC(atomicOr, T, old | value)                \
  GIBBSLAB_ATOMIC(atomicXor, T, old ^ value)
GIBBSLAB_ATOMICS(int)
GIBBSLAB_ATOMICS(unsigned)
GIBBSLAB_ATOMICS(unsigned long long)
GIBBSLAB_ATOMIC(atomicExch, float, ((void)old, value))
GIBBSLAB_ATOMIC(atomicInc, unsigned, old >= value ? 0u : old + 1u)
GIBBSLAB_ATOMIC(atomicDec, unsigned, old == 0 || old > value ? value : old - 1u)
#undef GIBBSLAB_ATOMICS
#undef GIBBSLAB_ATOMIC

template <class T>
T atomicCAS(T* at, T expected, T value) {
  return gibbslab::emulator::update(at, [=](T old) { return old == expected ? value : old; });
}
