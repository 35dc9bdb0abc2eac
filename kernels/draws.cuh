// Addressed draws on the device: the words of csrc/core/philox.h, four columns at a time.
#pragma once

#include <cuda_runtime.h>

#include "csrc/core/faults.h"
#include "csrc/core/formulas.h"
#include "csrc/core/philox.h"

namespace gibbslab::cuda {

// The counter of the first element of row `row` of a draw of `cols` columns.
__device__ inline uint64_t row_counter(const Draw& draw, int64_t row, int64_t cols) {
  return static_cast<uint64_t>(draw.first_row + row) * counters_per_row(cols);
}

__device__ inline float uniform_of(uint32_t word) {
  if (fault("uniforms_8_bit")) return static_cast<float>(word >> 24) * 0.00390625f;
  if (fault("uniforms_open_at_zero"))
    return (static_cast<float>(word >> 8) + 1.0f) * 5.9604644775390625e-8f;
  return uniform_from_word(word);
}

// The uniforms of the four elements at a counter.
__device__ inline float4 uniforms_at(uint64_t counter, const Draw& draw) {
  const PhiloxWords words = philox(counter, draw.stream, draw.seed);
  return {uniform_of(words.w[0]), uniform_of(words.w[1]), uniform_of(words.w[2]),
          uniform_of(words.w[3])};
}

__device__ inline bool fires(float u, float p) {
  return fault("uniform_at_most_p") ? u <= p : u < p;
}

}  // namespace gibbslab::cuda
