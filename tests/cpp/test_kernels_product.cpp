// Products with 0/1 matrices, against sums in float64.
#include <vector>

#include "tests/cpp/check.h"
#include "tests/cpp/kernel_tables.h"
#include "tests/cpp/random_data.h"

namespace gibbslab {
namespace {

using namespace check_kernels;
using check_data::bits;
using check_data::reals;

cpu::BinaryMatmul product(const BitTensor& x, const Tensor& m, const Tensor* bias, Tensor& out,
                          cpu::BinaryProduct method, bool accumulate) {
  cpu::BinaryMatmul job{};
  job.x = &x;
  job.m = &m;
  job.bias = bias;
  job.out = &out;
  job.scale = 0.75f;
  job.accumulate = accumulate;
  job.method = method;
  job.last_column = out.cols();
  return job;
}

void check_product(const cpu::Kernels& kernels, const BitTensor& x, const Tensor& m,
                   cpu::BinaryProduct method, bool accumulate) {
  const Tensor bias = reals(1, m.cols(), 5), before = reals(x.rows(), m.cols(), 6);
  Tensor out = before.clone();
  const auto job = product(x, m, accumulate ? nullptr : &bias, out, method, accumulate);
  const int64_t middle = x.rows() / 2;
  kernels.binary_matmul(job, 0, middle);
  kernels.binary_matmul(job, middle, x.rows());
  for (int64_t r = 0; r < x.rows(); ++r)
    for (int64_t c = 0; c < m.cols(); ++c) {
      double sum = 0;
      for (int64_t i = 0; i < m.rows(); ++i) sum += x.get(r, i) ? m.row(i)[c] : 0.0f;
      const double rest = accumulate ? before.row(r)[c] : bias.data()[c];
      CHECK_NEAR(out.row(r)[c], 0.75 * sum + rest, 1e-6 * static_cast<double>(m.rows() + 4));
    }
}

TEST(binary_matmul) {
  on_every_isa([](const cpu::Kernels& kernels) {
    for (int64_t inner : kSizes)
      for (int64_t cols : kSizes) {
        const BitTensor x = bits(9, inner, 1);
        const Tensor m = reals(inner, cols, 2);
        for (auto method : {cpu::BinaryProduct::kActiveRows, cpu::BinaryProduct::kTables})
          for (bool accumulate : {false, true}) check_product(kernels, x, m, method, accumulate);
      }
  });
}

TEST(a_row_does_not_depend_on_its_neighbours) {
  on_every_isa([](const cpu::Kernels& kernels) {
    const BitTensor x = bits(20, 127, 3);
    const Tensor m = reals(127, 257, 4);
    for (auto method : {cpu::BinaryProduct::kActiveRows, cpu::BinaryProduct::kTables}) {
      Tensor whole = Tensor::zeros(20, 257), pieces = Tensor::zeros(20, 257);
      kernels.binary_matmul(product(x, m, nullptr, whole, method, false), 0, 20);
      for (int64_t r = 0; r < 20; ++r)
        kernels.binary_matmul(product(x, m, nullptr, pieces, method, false), r, r + 1);
      CHECK(check_data::same(whole, pieces));
    }
  });
}

TEST(words_of_x_make_the_whole_with_their_rows_of_m) {
  on_every_isa([](const cpu::Kernels& kernels) {
    for (int64_t inner : {129, 300, 784}) {
      const BitTensor x = bits(20, inner, 3);
      const Tensor m = reals(inner, 100, 4), bias = reals(1, 100, 5);
      for (auto method : {cpu::BinaryProduct::kActiveRows, cpu::BinaryProduct::kTables}) {
        Tensor whole = Tensor::zeros(20, 100), low = Tensor::zeros(20, 100),
               high = Tensor::zeros(20, 100);
        kernels.binary_matmul(product(x, m, &bias, whole, method, false), 0, 20);
        auto job = product(x, m, nullptr, low, method, false);
        job.last_word = 2;
        kernels.binary_matmul(job, 0, 20);
        job = product(x, m, nullptr, high, method, false);
        job.first_word = 2;
        kernels.binary_matmul(job, 0, 20);
        for (int64_t r = 0; r < 20; ++r) {
          kernels.merge_row(low.row(r), high.row(r), bias.data(), low.stride());
          for (int64_t c = 0; c < 100; ++c)
            CHECK_NEAR(low.row(r)[c], whole.row(r)[c], 1e-6 * static_cast<double>(inner));
        }
      }
    }
  });
}

TEST(shares_of_the_columns_make_the_whole) {
  on_every_isa([](const cpu::Kernels& kernels) {
    const BitTensor x = bits(20, 300, 3);
    const Tensor m = reals(300, 257, 4);
    for (auto method : {cpu::BinaryProduct::kActiveRows, cpu::BinaryProduct::kTables}) {
      Tensor whole = Tensor::zeros(20, 257), shares = Tensor::zeros(20, 257);
      kernels.binary_matmul(product(x, m, nullptr, whole, method, false), 0, 20);
      auto job = product(x, m, nullptr, shares, method, false);
      job.last_column = 64;
      kernels.binary_matmul(job, 0, 20);
      for (int64_t r = 0; r < 20; ++r)
        for (int64_t c = 64; c < 257; ++c) CHECK(shares.row(r)[c] == 0.0f);
      job.first_column = 64;
      job.last_column = 257;
      kernels.binary_matmul(job, 0, 20);
      CHECK(check_data::same(whole, shares));
    }
  });
}

TEST(popcount_row) {
  on_every_isa([](const cpu::Kernels& kernels) {
    for (int64_t batch : kSizes)
      for (int64_t cols : kSizes) {
        const BitTensor a = bits(1, batch, 8), b = bits(cols, batch, 9);
        const int64_t words = a.words_per_row(), padded = round_up(cols, kLanes);
        std::vector<uint64_t> by_word(static_cast<size_t>(words * padded), 0);
        for (int64_t w = 0; w < words; ++w)
          for (int64_t c = 0; c < cols; ++c)
            by_word[static_cast<size_t>(w * padded + c)] = b.row(c)[w];
        Tensor out = Tensor::zeros(1, cols);
        for (int round = 1; round <= 2; ++round) {
          kernels.popcount_row(a.row(0), by_word.data(), words, padded, 0.5f, round == 2,
                               out.row(0));
          for (int64_t c = 0; c < cols; ++c) {
            int64_t both = 0;
            for (int64_t i = 0; i < batch; ++i) both += a.get(0, i) && b.get(c, i);
            CHECK(out.row(0)[c] == 0.5f * static_cast<float>(both * round));
          }
        }
      }
  });
}

TEST(bit_columns_and_counts) {
  on_every_isa([](const cpu::Kernels& kernels) {
    for (int64_t rows : kSizes)
      for (int64_t cols : kSizes) {
        const BitTensor x = bits(rows, cols, 10);
        std::vector<double> sums(static_cast<size_t>(cols), 2.0);
        kernels.bit_column_sums(x, sums.data());
        for (int64_t c = 0; c < cols; ++c) {
          double ones = 2;
          for (int64_t r = 0; r < rows; ++r) ones += x.get(r, c);
          CHECK(sums[static_cast<size_t>(c)] == ones);
        }
        CHECK(kernels.count_ones(x.row(0), rows * x.words_per_row()) == x.count());
      }
  });
}

// The product of `a`, (rows, depth) or its transpose, and b; in padding there was something else.
void check_dense(const cpu::Kernels& kernels, const Tensor& a, bool transposed, const Tensor& b,
                 bool accumulate) {
  const int64_t rows = transposed ? a.cols() : a.rows(), cols = b.cols(), depth = b.rows();
  const Tensor before = reals(rows, cols, 6);
  Tensor out = before.clone();
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = cols; c < round_up(cols, kLanes); ++c) out.row(r)[c] = 7.0f;
  const int64_t step = a.stride();
  kernels.dense_product({a.data(), transposed ? 1 : step, transposed ? step : 1, b.data(),
                         b.stride(), out.data(), out.stride(), rows, cols, depth, accumulate});
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < cols; ++c) {
      double sum = accumulate ? before.row(r)[c] : 0.0;
      for (int64_t k = 0; k < depth; ++k)
        sum += static_cast<double>(transposed ? a.row(k)[r] : a.row(r)[k]) * b.row(k)[c];
      CHECK_NEAR(out.row(r)[c], sum, 1e-6 * static_cast<double>(depth + 4));
    }
    for (int64_t c = cols; c < round_up(cols, kLanes); ++c) CHECK(out.row(r)[c] == 0.0f);
  }
}

TEST(dense_product) {
  on_every_isa([](const cpu::Kernels& kernels) {
    for (int64_t rows : {1, 5, 14, 29})
      for (int64_t cols : {1, 16, 31, 33, 100})
        for (int64_t depth : {1, 33, 1025})
          for (bool accumulate : {false, true}) {
            const Tensor b = reals(depth, cols, 2);
            check_dense(kernels, reals(rows, depth, 1), false, b, accumulate);
            check_dense(kernels, reals(depth, rows, 1), true, b, accumulate);
          }
  });
}

TEST(a_sparse_product_is_the_dense_one_bit_for_bit) {
  on_every_isa([](const cpu::Kernels& kernels) {
    for (int64_t cols : {1, 31, 33, 127, 257}) {
      const int64_t rows = 37, depth = 45;
      Tensor a = reals(rows, depth, 1);
      const BitTensor kept = bits(rows, depth, 2);
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t k = 0; k < depth; ++k) a.row(r)[k] *= kept.get(r, k) ? 1.0f : 0.0f;
      const Tensor b = reals(depth, cols, 3);
      Tensor across = Tensor::zeros(depth, rows), dense = reals(rows, cols, 4);
      kernels.transpose(a, across, 0, rows);
      kernels.dense_product({a.data(), a.stride(), 1, b.data(), b.stride(), dense.data(),
                             dense.stride(), rows, cols, depth, false});
      std::vector<uint32_t> at(static_cast<size_t>(rows * cpu::column_room(depth)));
      std::vector<float> value(at.size());
      std::vector<int64_t> starts(static_cast<size_t>(rows)), counts(starts.size());
      const cpu::Nonzeros lists{at.data(), value.data(), starts.data(), counts.data()};
      for (const bool by_columns : {false, true}) {
        if (by_columns)
          kernels.list_columns({across.data(), across.stride(), depth, rows, b.stride(), 0, lists});
        else
          kernels.list_rows({a.data(), a.stride(), rows, depth, b.stride(), 0, lists});
        Tensor sparse = reals(rows, cols, 5);
        kernels.sparse_product({lists, b.data(), sparse.data(), sparse.stride(), rows, cols});
        for (int64_t r = 0; r < rows; ++r)
          for (int64_t c = 0; c < round_up(cols, kLanes); ++c)
            CHECK(sparse.row(r)[c] == dense.row(r)[c]);
      }
    }
  });
}

TEST(pack_strip) {
  on_every_isa([](const cpu::Kernels& kernels) {
    for (int64_t count : {1, 16, 17, 32})
      for (int64_t depth : {1, 16, 45}) {
        const Tensor rows = reals(count, depth, 3);
        Tensor packed = Tensor::zeros(depth, cpu::kProductStrip);
        kernels.pack_strip(rows.data(), rows.stride(), count, depth, packed.data());
        for (int64_t k = 0; k < depth; ++k)
          for (int64_t c = 0; c < cpu::kProductStrip; ++c)
            CHECK(packed.data()[k * cpu::kProductStrip + c] == (c < count ? rows.row(c)[k] : 0.0f));
      }
  });
}

}  // namespace
}  // namespace gibbslab
