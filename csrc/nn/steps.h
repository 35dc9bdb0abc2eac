// Training steps that a backend may record and replay.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "csrc/core/context.h"
#include "csrc/ops/replay.h"

namespace gibbslab::nn {

// The recordings of one kind of step. A step is named by the places of all that it reads and writes
// and that may change from one to the next.
class Steps {
 public:
  using Places = std::vector<const void*>;

  // Queues the work of a step: by a recording of one with these places, or by calling `work`. The
  // first is never recorded: it makes the buffers that the others find.
  void run(const Context& ctx, const Places& places, const std::function<void()>& work);
  // To be called when buffers that the work shares with no name have been given up.
  void forget();

 private:
  struct Kept {
    Places places;
    std::unique_ptr<Recording> recording;
  };
  static constexpr size_t kMost = 4;  // two, for values and their spares change places

  bool prepared_ = false;
  std::vector<Kept> kept_;
};

}  // namespace gibbslab::nn
