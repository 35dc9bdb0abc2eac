#include "csrc/core/context.h"

#include "csrc/core/faults.h"
#include "csrc/core/thread_pool.h"

namespace gibbslab {

Context::Context(Backend& backend, uint64_t seed, int threads_requested)
    : backend_(&backend), seed_(seed), threads_requested_(threads_requested) {}

int Context::threads() const { return resolve_threads(threads_requested_); }

Draw Context::next_draw(Layer layer) {
  if (fault("counter_wraps")) draws_ &= 0xF;
  const uint64_t draw = draws_++;
  // The planted fault lets the visible step read the words of the hidden step before it.
  if (fault("visible_reuses_hidden_uniforms") && layer == Layer::kVisible && draw > 0)
    return {seed_, stream_of(draw - 1, Layer::kHidden), 0};
  return {seed_, stream_of(draw, layer), 0};
}

}  // namespace gibbslab
