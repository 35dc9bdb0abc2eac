// Activation, uniforms, transposition and the parameter update, against plain loops.
#include <algorithm>
#include <limits>

#include "csrc/core/draws.h"
#include "csrc/core/formulas.h"
#include "csrc/core/philox.h"
#include "tests/cpp/check.h"
#include "tests/cpp/kernel_tables.h"
#include "tests/cpp/random_data.h"

namespace gibbslab {
namespace {

using namespace check_kernels;
using check_data::bits;
using check_data::reals;

// Beyond 2^32, so that a counter or stream cut to 32 bits shows.
constexpr uint64_t kCounter = 0xFFFFFFFDull, kStream = 0x1234567890ull, kSeed = 0x9876543210ull;

float uniform(int64_t element) {
  const PhiloxWords words = philox(kCounter + static_cast<uint64_t>(element / 4), kStream, kSeed);
  return uniform_from_word(words.w[element % 4]);
}

TEST(uniform_row) {
  on_every_isa([](const cpu::Kernels& kernels) {
    for (int64_t cols : kSizes) {
      Tensor out = Tensor::zeros(1, cols);
      kernels.uniform_row(out.row(0), cols, kCounter, kStream, kSeed);
      for (int64_t c = 0; c < cols; ++c) CHECK(out.row(0)[c] == uniform(c));
    }
  });
}

TEST(standard_normals) {
  on_every_isa([](const cpu::Kernels& kernels) {
    Tensor out = Tensor::zeros(1, 1024);
    kernels.standard_normals(out.row(0), 1024, kCounter, kStream, kSeed);
    for (int64_t e = 0; e < 1024; ++e) {
      const uint64_t element = 2 * kCounter + static_cast<uint64_t>(e);
      const double one = standard_normal(element, {kSeed, kStream, 0});
      CHECK_NEAR(out.row(0)[e], one, 0x1p-23 * std::abs(one));
    }
  });
}

TEST(activate_row) {
  on_every_isa([](const cpu::Kernels& kernels) {
    for (int64_t cols : kSizes) {
      const Tensor pre = reals(1, cols, 1);
      Tensor mean = Tensor::zeros(1, cols);
      BitTensor sample = BitTensor::zeros(1, cols);
      kernels.activate_row(
          {pre.row(0), cols, 3.0f, kCounter, kStream, kSeed, mean.row(0), sample.row(0), false});
      for (int64_t c = 0; c < cols; ++c) {
        const double truth = 1.0 / (1.0 + std::exp(-3.0 * pre.row(0)[c]));
        CHECK_NEAR(mean.row(0)[c], truth, 1e-6);
        CHECK(sample.get(0, c) == (uniform(c) < mean.row(0)[c]));
      }
      for (int64_t c = cols; c < 64 * sample.words_per_row(); ++c) CHECK(!sample.get(0, c));
    }
  });
}

TEST(certain_units_are_certain) {
  on_every_isa([](const cpu::Kernels& kernels) {
    Tensor p = Tensor::zeros(1, 257);
    BitTensor sample = BitTensor::zeros(1, 257);
    for (int64_t c = 0; c < 257; c += 2) p.row(0)[c] = 1.0f;
    kernels.activate_row(
        {p.row(0), 257, 1.0f, kCounter, kStream, kSeed, nullptr, sample.row(0), true});
    for (int64_t c = 0; c < 257; ++c) CHECK(sample.get(0, c) == (c % 2 == 0));
  });
}

TEST(transpose) {
  on_every_isa([](const cpu::Kernels& kernels) {
    for (int64_t rows : kSizes)
      for (int64_t cols : kSizes) {
        const Tensor x = reals(rows, cols, 2);
        Tensor out = Tensor::zeros(cols, rows);
        const int64_t middle = rows / 32 * 16;
        kernels.transpose(x, out, 0, middle);
        kernels.transpose(x, out, middle, rows);
        for (int64_t r = 0; r < rows; ++r)
          for (int64_t c = 0; c < cols; ++c) CHECK(out.row(c)[r] == x.row(r)[c]);
      }
  });
}

TEST(transpose_bits) {
  on_every_isa([](const cpu::Kernels& kernels) {
    for (int64_t rows : kSizes)
      for (int64_t cols : kSizes) {
        const BitTensor x = bits(rows, cols, 3);
        BitTensor out = BitTensor::zeros(cols, rows);
        const int64_t middle = x.words_per_row() / 2;
        kernels.transpose_bits(x, 0, middle, out, 0);
        kernels.transpose_bits(x, middle, x.words_per_row(), out, 64 * middle);
        CHECK(out.count() == x.count());
        for (int64_t r = 0; r < rows; ++r)
          for (int64_t c = 0; c < cols; ++c) CHECK(out.get(c, r) == x.get(r, c));
      }
  });
}

// Three rows with every term; the row factors are 0.3, -0.2 and 0.7 times (1 + row).
struct UpdateCase {
  explicit UpdateCase(int64_t cols)
      : w(reals(kRows, cols, 4)),
        g(reals(kRows, cols, 5)),
        v(reals(kRows, cols, 6)),
        terms(reals(3, cols, 7)),
        new_w(Tensor::zeros(kRows, cols)),
        new_v(Tensor::zeros(kRows, cols)) {
    w.row(1)[cols / 2] = 0.0f;
    for (int i = 0; i < 3; ++i) {
      columns[i] = Tensor::zeros(1, cols);
      std::copy_n(terms.row(i), cols, columns[i].data());
      factors[i] = Tensor::zeros(1, kRows);
      for (int r = 0; r < kRows; ++r) factors[i].data()[r] = kFactor[i] * (1 + r);
    }
    job.weight = &w;
    job.gradient = &g;
    job.velocity = &v;
    job.new_weight = &new_w;
    job.new_velocity = &new_v;
    job.row_mean = &factors[0], job.shift = &columns[0];
    job.row_shift = &factors[1], job.mean = &columns[1];
    job.row_pressure = &factors[2], job.pressure = &columns[2];
    job.learning_rate = 0.05f;
    job.momentum = 0.9f;
    job.l1 = 0.01f;
    job.l2 = 0.02f;
  }

  static constexpr int kRows = 3;
  static constexpr float kFactor[3] = {0.3f, -0.2f, 0.7f};
  Tensor w, g, v, terms, new_w, new_v, columns[3], factors[3];
  Update job;
};

TEST(update_rows) {
  on_every_isa([](const cpu::Kernels& kernels) {
    for (int64_t cols : kSizes) {
      UpdateCase t(cols);
      CHECK(kernels.update_rows(t.job, t.g, 0, 0, 2));
      CHECK(kernels.update_rows(t.job, t.g, 0, 2, 3));
      for (int64_t r = 0; r < 3; ++r)
        for (int64_t c = 0; c < cols; ++c) {
          const double x = t.w.row(r)[c], sign = (x > 0) - (x < 0), k = 1.0 + r;
          const double step = t.g.row(r)[c] - 0.3 * k * t.terms.row(0)[c] +
                              0.2 * k * t.terms.row(1)[c] + 0.7 * k * t.terms.row(2)[c] - 0.02 * x -
                              0.01 * sign;
          const double velocity = 0.9 * t.v.row(r)[c] + step;
          CHECK_NEAR(t.new_v.row(r)[c], velocity, 1e-5);
          CHECK_NEAR(t.new_w.row(r)[c], x + 0.05 * velocity, 1e-5);
        }
    }
  });
}

TEST(update_rows_takes_a_tile_of_the_gradient) {
  on_every_isa([](const cpu::Kernels& kernels) {
    UpdateCase whole(33), tiled(33);
    Tensor tile = reals(1, 33, 1);
    std::copy_n(whole.g.row(2), 33, tile.row(0));
    CHECK(kernels.update_rows(whole.job, whole.g, 0, 2, 3));
    CHECK(kernels.update_rows(tiled.job, tile, 2, 2, 3));
    for (int64_t c = 0; c < 33; ++c) {
      CHECK(tiled.new_w.row(2)[c] == whole.new_w.row(2)[c]);
      CHECK(tiled.new_w.row(1)[c] == 0.0f);  // the other rows are left alone
    }
  });
}

TEST(update_rows_reports_what_is_not_finite) {
  on_every_isa([](const cpu::Kernels& kernels) {
    for (float bad : {std::numeric_limits<float>::infinity(), std::nanf(""), 3e38f})
      for (int64_t cols : kSizes) {
        UpdateCase t(cols);
        t.g.row(1)[cols - 1] = bad;
        t.job.learning_rate = 10.0f;
        CHECK(!kernels.update_rows(t.job, t.g, 0, 0, 3));
        CHECK(kernels.update_rows(t.job, t.g, 0, 2, 3));
      }
  });
}

}  // namespace
}  // namespace gibbslab
