// Addressed draws that need more than one 24-bit uniform: two random words for each element.
#pragma once

#include <cstdint>

#include "csrc/core/macros.h"
#include "csrc/core/normal_formulas.h"
#include "csrc/core/philox.h"

namespace gibbslab {

struct WordPair {
  uint32_t first, second;
};

// Half a counter for each element: words 0, 1 or words 2, 3.
GIBBSLAB_HD WordPair word_pair(uint64_t element, const Draw& draw) {
  const PhiloxWords words = philox(element / 2, draw.stream, draw.seed);
  if (element % 2 == 0) return {words.w[0], words.w[1]};
  return {words.w[2], words.w[3]};
}

// A normal deviate by the cosine of Box and Muller (1958).
GIBBSLAB_HD float standard_normal(uint64_t element, const Draw& draw) {
  const WordPair words = word_pair(element, draw);
  return static_cast<float>(normal_of_words<double>(words.first, words.second));
}

// A uniform in [0, 1) of 53 bits, for distributions that are drawn by inversion.
GIBBSLAB_HD double wide_uniform(uint64_t element, const Draw& draw) {
  const WordPair words = word_pair(element, draw);
  const uint64_t bits = static_cast<uint64_t>(words.first) << 32 | words.second;
  return static_cast<double>(static_cast<int64_t>(bits >> 11)) * 0x1p-53;
}

}  // namespace gibbslab
