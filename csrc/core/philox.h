// Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"), addressed.
//
// key = seed; counter = (element index / 4, stream): the low 64 bits address the element, the high
// 64 bits name the draw. Nothing is iterated, so results do not depend on tiling or threads.
#pragma once

#include <cstdint>

#include "csrc/core/macros.h"

namespace gibbslab {

struct PhiloxWords {
  uint32_t w[4];
};

constexpr uint32_t kPhiloxM0 = 0xD2511F53u, kPhiloxM1 = 0xCD9E8D57u;
constexpr uint32_t kPhiloxW0 = 0x9E3779B9u, kPhiloxW1 = 0xBB67AE85u;
constexpr int kPhiloxRounds = 10;

GIBBSLAB_HD PhiloxWords philox(uint64_t counter, uint64_t stream, uint64_t seed) {
  uint32_t c0 = static_cast<uint32_t>(counter), c1 = static_cast<uint32_t>(counter >> 32);
  uint32_t c2 = static_cast<uint32_t>(stream), c3 = static_cast<uint32_t>(stream >> 32);
  uint32_t k0 = static_cast<uint32_t>(seed), k1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < kPhiloxRounds; ++round) {
    const uint64_t p0 = static_cast<uint64_t>(kPhiloxM0) * c0;
    const uint64_t p1 = static_cast<uint64_t>(kPhiloxM1) * c2;
    c0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
    c1 = static_cast<uint32_t>(p1);
    c2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c3 = static_cast<uint32_t>(p0);
    k0 += kPhiloxW0;
    k1 += kPhiloxW1;
  }
  return {{c0, c1, c2, c3}};
}

// Names one draw of a layer: which words a batch row reads. `first_row` is the global row of row 0.
struct Draw {
  uint64_t seed = 0;
  uint64_t stream = 0;
  int64_t first_row = 0;
};

// What a stream is drawn for; the low byte of its name.
enum class Layer : uint64_t {
  kVisible = 0,
  kHidden = 1,
  kData = 2,
  kWeights = 3,
  kOrder = 4,
  kUser = 5,
  kSwap = 6,
  kDropout = 7,
  kLatent = 8
};

GIBBSLAB_HD uint64_t stream_of(uint64_t draw, Layer layer) {
  return (draw << 8) | static_cast<uint64_t>(layer);
}

// Counters that one row of `cols` elements takes: every row starts on a fresh counter.
GIBBSLAB_HD uint64_t counters_per_row(int64_t cols) {
  return static_cast<uint64_t>((cols + 3) / 4);
}

}  // namespace gibbslab
