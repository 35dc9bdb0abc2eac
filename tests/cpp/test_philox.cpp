// Promise 1: the words are those of Random123.
#include "csrc/core/formulas.h"
#include "csrc/core/philox.h"
#include "tests/cpp/check.h"

namespace gibbslab {
namespace {

bool words_are(const PhiloxWords& got, uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  return got.w[0] == a && got.w[1] == b && got.w[2] == c && got.w[3] == d;
}

TEST(random123_vectors) {
  CHECK(words_are(philox(0, 0, 0), 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8));
  CHECK(words_are(philox(~0ull, ~0ull, ~0ull), 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd));
  CHECK(words_are(philox(0x85a308d3243f6a88, 0x0370734413198a2e, 0x299f31d0a4093822), 0xd16cfe09,
                  0x94fdcceb, 0x5001e420, 0x24126ea1));
}

TEST(uniforms_reach_zero_and_stay_below_one) {
  CHECK(uniform_from_word(0) == 0.0f);
  CHECK(uniform_from_word(0xFF) == 0.0f);
  CHECK(uniform_from_word(0x100) == 0x1p-24f);
  CHECK(uniform_from_word(~0u) == 1.0f - 0x1p-24f);
}

TEST(sigmoid_is_exact_at_the_ends) {
  CHECK(sigmoid(1e4f) == 1.0f);
  CHECK(sigmoid(-1e4f) == 0.0f);
  CHECK(sigmoid(0.0f) == 0.5f);
  CHECK(std::isnan(sigmoid(std::nanf(""))));
  for (float x = -80.0f; x < 80.0f; x += 0.37f) {
    const double truth = 1.0 / (1.0 + std::exp(-static_cast<double>(x)));
    CHECK_NEAR(sigmoid(x), truth, 4 * 0x1p-23 * truth);
  }
}

TEST(streams_and_rows_do_not_overlap) {
  CHECK(stream_of(3, Layer::kHidden) != stream_of(3, Layer::kVisible));
  CHECK(stream_of(3, Layer::kHidden) != stream_of(4, Layer::kHidden));
  CHECK(counters_per_row(1) == 1 && counters_per_row(4) == 1 && counters_per_row(5) == 2);
}

}  // namespace
}  // namespace gibbslab
