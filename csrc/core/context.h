// Where and how a model computes: device, threads, and its place in the random streams.
#pragma once

#include <cstdint>

#include "csrc/core/philox.h"

namespace gibbslab {

struct Backend;

// A value: copying it forks the position in the random streams.
class Context {
 public:
  Context(Backend& backend, uint64_t seed, int threads_requested);

  Backend& backend() const { return *backend_; }
  int threads() const;
  int threads_requested() const { return threads_requested_; }
  void set_threads_requested(int threads) { threads_requested_ = threads; }

  uint64_t seed() const { return seed_; }
  // Draws made so far: with the seed, the whole random state.
  uint64_t draws() const { return draws_; }
  void set_draws(uint64_t draws) { draws_ = draws; }
  // The next draw of a layer; every call names a fresh stream.
  Draw next_draw(Layer layer);

 private:
  Backend* backend_;
  uint64_t seed_;
  uint64_t draws_ = 0;
  int threads_requested_;
};

}  // namespace gibbslab
