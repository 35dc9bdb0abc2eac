// Activation, uniforms, transposition and the parameter update, against plain loops.
#include <limits>

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
        kernels.transpose_bits(x, out, 0, middle);
        kernels.transpose_bits(x, out, middle, x.words_per_row());
        CHECK(out.count() == x.count());
        for (int64_t r = 0; r < rows; ++r)
          for (int64_t c = 0; c < cols; ++c) CHECK(out.get(c, r) == x.get(r, c));
      }
  });
}

cpu::UpdateRow update(const Tensor& w, const Tensor& g, const Tensor& v, Tensor& new_w,
                      Tensor& new_v, const Tensor& rank_one) {
  cpu::UpdateRow job{};
  job.weight = w.row(0);
  job.gradient = g.row(0);
  job.velocity = v.row(0);
  job.new_weight = new_w.row(0);
  job.new_velocity = new_v.row(0);
  job.hidden_shift = rank_one.row(0);
  job.hidden_mean = rank_one.row(1);
  job.hidden_pressure = rank_one.row(2);
  job.row_mean = 0.3f;
  job.row_shift = -0.2f;
  job.row_pressure = 0.7f;
  job.learning_rate = 0.05f;
  job.momentum = 0.9f;
  job.l1 = 0.01f;
  job.l2 = 0.02f;
  job.cols = w.cols();
  return job;
}

TEST(update_row) {
  on_every_isa([](const cpu::Kernels& kernels) {
    for (int64_t cols : kSizes) {
      Tensor w = reals(1, cols, 4);
      const Tensor g = reals(1, cols, 5), v = reals(1, cols, 6), terms = reals(3, cols, 7);
      w.row(0)[cols / 2] = 0.0f;
      Tensor new_w = Tensor::zeros(1, cols), new_v = Tensor::zeros(1, cols);
      CHECK(kernels.update_row(update(w, g, v, new_w, new_v, terms)));
      for (int64_t c = 0; c < cols; ++c) {
        const double x = w.row(0)[c], sign = (x > 0) - (x < 0);
        const double step = g.row(0)[c] - 0.3 * terms.row(0)[c] + 0.2 * terms.row(1)[c] +
                            0.7 * terms.row(2)[c] - 0.02 * x - 0.01 * sign;
        const double velocity = 0.9 * v.row(0)[c] + step;
        CHECK_NEAR(new_v.row(0)[c], velocity, 1e-5);
        CHECK_NEAR(new_w.row(0)[c], x + 0.05 * velocity, 1e-5);
      }
    }
  });
}

TEST(update_row_reports_what_is_not_finite) {
  on_every_isa([](const cpu::Kernels& kernels) {
    for (float bad : {std::numeric_limits<float>::infinity(), std::nanf(""), 3e38f})
      for (int64_t cols : kSizes) {
        const Tensor w = reals(1, cols, 4), v = reals(1, cols, 6), terms = reals(3, cols, 7);
        Tensor g = reals(1, cols, 5), new_w = w.clone(), new_v = w.clone();
        g.row(0)[cols - 1] = bad;
        cpu::UpdateRow job = update(w, g, v, new_w, new_v, terms);
        job.learning_rate = 10.0f;
        CHECK(!kernels.update_row(job));
      }
  });
}

}  // namespace
}  // namespace gibbslab
