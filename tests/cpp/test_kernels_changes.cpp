// Products with what has changed in rows of means, against sums in float64.
#include <limits>
#include <vector>

#include "tests/cpp/check.h"
#include "tests/cpp/kernel_tables.h"
#include "tests/cpp/random_data.h"

namespace gibbslab {
namespace {

using namespace check_kernels;
using check_data::reals;
using cpu::change_blocks;
using cpu::kChangeBlock;
using cpu::kChangePanel;
using cpu::kChangeStrip;

constexpr float kLeast = 0.5f, kScale = 1.5f;

// The lists of a batch of rows.
struct Lists {
  int64_t units, room, blocks;
  std::vector<uint32_t> starts, at;
  std::vector<float> change;
  Tensor dense;  // (rows, units)

  Lists(int64_t rows, int64_t units_)
      : units(units_),
        room(round_up(units, kLanes) + kLanes),
        blocks(change_blocks(units)),
        starts(static_cast<size_t>(rows * (blocks + 1))),
        at(static_cast<size_t>(rows * room)),
        change(at.size()),
        dense(Tensor::zeros(rows, units)) {}

  void note(const cpu::Kernels& kernels, int64_t r, const Tensor& mean, Tensor& noted) {
    const int64_t count =
        kernels.note_changes({mean.row(r), noted.row(r), units, kLeast, kScale, dense.row(r)});
    uint32_t* start = starts.data() + r * (blocks + 1);
    kernels.list_changes(
        {dense.row(r), units, start, at.data() + r * room, change.data() + r * room});
    CHECK(count == start[blocks]);
  }
};

void check_list(const Lists& lists, const Tensor& mean, const Tensor& before, const Tensor& noted) {
  uint32_t next = 0;
  for (int64_t c = 0; c < lists.units; ++c) {
    if (c % kChangeBlock == 0) CHECK(lists.starts[static_cast<size_t>(c / kChangeBlock)] == next);
    const float moved = mean.row(0)[c] - before.row(0)[c];
    const bool listed = !(std::abs(moved) < kLeast);
    if (std::isnan(moved)) {
      CHECK(std::isnan(noted.row(0)[c]) && std::isnan(lists.change[next]));
    } else {
      CHECK(noted.row(0)[c] == (listed ? mean : before).row(0)[c]);
      CHECK(!listed || lists.change[next] == kScale * moved);
    }
    CHECK(!listed || lists.at[next] == static_cast<uint32_t>(c * kChangeStrip));
    CHECK(listed || lists.dense.row(0)[c] == 0.0f);
    CHECK(!listed || std::isnan(moved) || lists.dense.row(0)[c] == lists.change[next]);
    next += listed ? 1 : 0;
  }
  CHECK(lists.starts[static_cast<size_t>(lists.blocks)] == next);
}

TEST(changes_are_listed_once_they_count) {
  on_every_isa([](const cpu::Kernels& kernels) {
    for (int64_t units : kSizes) {
      Tensor mean = reals(1, units, 1);
      const Tensor before = reals(1, units, 2);
      mean.row(0)[units / 2] = std::numeric_limits<float>::quiet_NaN();
      Tensor noted = before.clone();
      Lists lists(1, units);
      lists.note(kernels, 0, mean, noted);
      check_list(lists, mean, before, noted);
    }
  });
}

// Weights (units, kChangePanel) in strips.
Tensor packed(const Tensor& weights) {
  Tensor out = Tensor::zeros(1, weights.rows() * kChangePanel);
  for (int64_t i = 0; i < weights.rows(); ++i)
    for (int64_t c = 0; c < kChangePanel; ++c)
      out.data()[(c / kChangeStrip * weights.rows() + i) * kChangeStrip + c % kChangeStrip] =
          weights.row(i)[c];
  return out;
}

TEST(what_changed_is_added) {
  on_every_isa([](const cpu::Kernels& kernels) {
    for (int64_t units : kSizes) {
      const std::vector<int64_t> rows{0, 2, 3};
      const Tensor mean = reals(5, units, 3), before = reals(5, kChangePanel, 4),
                   weights = reals(units, kChangePanel, 5), panel = packed(weights);
      Tensor noted = Tensor::zeros(5, units), out = before.clone();
      Lists lists(5, units);
      for (const int64_t r : rows) lists.note(kernels, r, mean, noted);
      kernels.add_changes({panel.data(),
                           units,
                           {rows.data(), 3, out.data(), out.stride()},
                           lists.starts.data(),
                           lists.at.data(),
                           lists.change.data(),
                           lists.room});
      for (int64_t r = 0; r < 5; ++r)
        for (int64_t c = 0; c < kChangePanel; ++c) {
          double sum = 0;
          for (int64_t i = 0; i < units; ++i)
            sum += static_cast<double>(kScale) * noted.row(r)[i] * weights.row(i)[c];
          CHECK_NEAR(out.row(r)[c], sum + before.row(r)[c], 1e-6 * static_cast<double>(units + 4));
        }
    }
  });
}

// Groups of every size, their rows last to first.
TEST(dense_changes_give_the_same_sums) {
  on_every_isa([](const cpu::Kernels& kernels) {
    for (int64_t count = 1; count <= cpu::kChangeRows; ++count) {
      constexpr int64_t kUnits = 77;
      const Tensor mean = reals(count, kUnits, 6), panel = packed(reals(kUnits, kChangePanel, 7));
      Tensor noted = Tensor::zeros(count, kUnits), listed = reals(count, kChangePanel, 8),
             dense = listed.clone(), changes = Tensor::zeros(kUnits, kLanes);
      Lists lists(count, kUnits);
      std::vector<int64_t> rows;
      for (int64_t r = count - 1; r >= 0; --r) {
        lists.note(kernels, r, mean, noted);
        for (int64_t i = 0; i < kUnits; ++i)
          changes.row(i)[static_cast<int64_t>(rows.size())] = lists.dense.row(r)[i];
        rows.push_back(r);
      }
      kernels.add_changes({panel.data(),
                           kUnits,
                           {rows.data(), count, listed.data(), listed.stride()},
                           lists.starts.data(),
                           lists.at.data(),
                           lists.change.data(),
                           lists.room});
      kernels.add_dense_changes({panel.data(),
                                 kUnits,
                                 {rows.data(), count, dense.data(), dense.stride()},
                                 changes.data()});
      CHECK(check_data::same(listed, dense));
    }
  });
}

}  // namespace
}  // namespace gibbslab
