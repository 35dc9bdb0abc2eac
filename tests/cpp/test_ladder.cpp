#include <cmath>

#include "csrc/core/error.h"
#include "csrc/models/ladder.h"
#include "tests/cpp/check.h"

namespace gibbslab {
namespace {

void propose(Ladder& ladder, const std::vector<double>& rates) {
  for (size_t t = 0; t < rates.size(); ++t)
    ladder.count(static_cast<int64_t>(t), 10 * rates[t], 10);
}

bool close(double x, double y) { return std::abs(x - y) < 1e-6; }

TEST(ladder_rises_to_one) {
  for (const std::vector<double>& betas :
       std::vector<std::vector<double>>{{}, {0.5}, {0.0, 0.9}, {-0.1, 1.0}, {0.5, 0.4, 1.0}})
    CHECK_THROWS(ShapeError, "[tempering] betas must rise", Ladder{betas});
  CHECK(Ladder({1.0}).size() == 1);
  CHECK(Ladder({0.1, 1.0})[0] == static_cast<double>(0.1f));
}

TEST(ladder_counts_swaps) {
  Ladder ladder({0.0, 0.5, 1.0});
  CHECK(std::isnan(ladder.swap_rates()[0]));
  ladder.count(0, 0.5, 1);
  ladder.count(0, 0.25, 1);
  CHECK(ladder.swap_rates()[0] == 0.375);
  ladder.equalise(1.0);  // nothing was proposed to the second pair
  CHECK(ladder[1] == 0.5);
  ladder.forget();
  CHECK(std::isnan(ladder.swap_rates()[0]));
}

TEST(ladder_moves_to_equal_rejection) {
  Ladder ladder({0.0, 0.5, 1.0});
  propose(ladder, {0.8, 0.4});  // 0.2 + 0.6 of rejection: half of it lies a third into the second
  ladder.equalise(1.0);
  CHECK(close(ladder[1], 0.5 + 0.5 / 3));
  CHECK(ladder[0] == 0.0 && ladder[2] == 1.0);
  CHECK(std::isnan(ladder.swap_rates()[0]));
  Ladder slow({0.0, 0.5, 1.0});
  propose(slow, {0.8, 0.4});
  slow.equalise(0.5);
  CHECK(close(slow[1], 0.5 + 0.25 / 3));
}

TEST(ladder_stays_where_rates_are_equal) {
  Ladder ladder({0.0, 0.2, 0.3, 1.0});
  propose(ladder, {1.0, 1.0, 1.0});
  ladder.equalise(1.0);
  CHECK(close(ladder[1], 0.2) && close(ladder[2], 0.3));
  Ladder single({1.0});
  single.equalise(1.0);
  CHECK(single[0] == 1.0);
  CHECK_THROWS(ShapeError, "[tempering] rate must be in (0, 1], got 0", single.equalise(0.0));
}

}  // namespace
}  // namespace gibbslab
