// Softplus sums and float64 row sums, against the C library.
#include <algorithm>
#include <vector>

#include "tests/cpp/check.h"
#include "tests/cpp/kernel_tables.h"
#include "tests/cpp/random_data.h"

namespace gibbslab {
namespace {

using namespace check_kernels;
using check_data::reals;

double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

TEST(softplus_sum) {
  on_every_isa([](const cpu::Kernels& kernels) {
    for (int64_t n : {1, 7, 8, 9, 257, 4096, 5001}) {
      const Tensor x = reals(1, n, 1);
      std::vector<double> values(static_cast<size_t>(n));
      double expected = 0;
      for (int64_t i = 0; i < n; ++i) {
        values[static_cast<size_t>(i)] = 20.0 * x.row(0)[i];
        expected += softplus(20.0 * x.row(0)[i]);
      }
      CHECK_NEAR(kernels.softplus_sum(values.data(), n), expected, 1e-12 * expected);
    }
    const std::vector<double> ends = {-1e4, 1e4, -1e308, 0.0};
    CHECK_NEAR(kernels.softplus_sum(ends.data(), 4), 1e4 + std::log(2.0), 1e-9);
  });
}

TEST(softplus_difference) {
  on_every_isa([](const cpu::Kernels& kernels) {
    for (int64_t cols : kSizes) {
      Tensor x = reals(1, cols, 2);
      for (int64_t c = 0; c < cols; ++c) x.row(0)[c] *= 10.0f;
      double expected = 0;
      for (int64_t c = 0; c < cols; ++c)
        expected += softplus(0.625 * x.row(0)[c]) - softplus(0.5 * x.row(0)[c]);
      CHECK_NEAR(kernels.softplus_difference(x.row(0), cols, 0.5f, 0.625f), expected,
                 5e-7 * static_cast<double>(cols) + 1e-6 * std::abs(expected));
      CHECK(kernels.softplus_difference(x.row(0), cols, 0.5f, 0.5f) == 0.0);
    }
  });
}

TEST(gather_rows_and_axpy) {
  on_every_isa([](const cpu::Kernels& kernels) {
    for (int64_t cols : kSizes) {
      const Tensor w = reals(40, cols, 3);
      const std::vector<int32_t> active = {0, 7, 8, 39};
      std::vector<double> bias(static_cast<size_t>(w.stride()), 0.25), out(bias);
      kernels.gather_rows(w.data(), w.stride(), active.data(), 4, bias.data(), out.data(),
                          w.stride());
      for (int64_t c = 0; c < cols; ++c) {
        double expected = 0.25;
        for (int32_t r : active) expected += w.row(r)[c];
        CHECK_NEAR(out[static_cast<size_t>(c)], expected, 1e-14);
      }
      kernels.axpy(-1.5, w.row(2), bias.data(), w.stride());
      for (int64_t c = 0; c < cols; ++c)
        CHECK_NEAR(bias[static_cast<size_t>(c)], 0.25 - 1.5 * w.row(2)[c], 1e-14);
    }
  });
}

TEST(column_sums) {
  on_every_isa([](const cpu::Kernels& kernels) {
    for (int64_t cols : kSizes) {
      const Tensor x = reals(33, cols, 4);
      // Room for the padding: a kernel may add whole vectors.
      std::vector<double> sums(static_cast<size_t>(x.stride()), 1.0);
      kernels.column_sums(x, sums.data());
      for (int64_t c = 0; c < cols; ++c) {
        double expected = 1.0;
        for (int64_t r = 0; r < 33; ++r) expected += x.row(r)[c];
        CHECK_NEAR(sums[static_cast<size_t>(c)], expected, 1e-12);
      }
    }
  });
}

}  // namespace
}  // namespace gibbslab
