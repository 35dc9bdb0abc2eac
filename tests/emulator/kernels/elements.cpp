// Elementwise operations, matrix products, random numbers, the update.
#include "tests/emulator/kernels/both.h"

namespace gibbslab::kernel_cases {
namespace {

constexpr int64_t kRows = 33, kCols = 67;

// An operation that fills a matrix.
using Fill = std::function<void(const Context&, Tensor& out)>;
void agree_on(int64_t rows, int64_t cols, const Fill& fill) {
  agree([=](const Context& ctx) {
    Tensor out = ops::zeros(ctx, rows, cols);
    fill(ctx, out);
    Values found;
    found.add(out);
    return found;
  });
}

}  // namespace

TEST(sigmoid) {
  agree_on(kRows, kCols, [](const Context& ctx, Tensor& out) {
    ops::sigmoid(ctx, reals(ctx, kRows, kCols, 1), out);
  });
}

TEST(unpack) {
  agree_on(kRows, kCols, [](const Context& ctx, Tensor& out) {
    ops::unpack(ctx, bits(ctx, kRows, kCols, 1), out);
  });
}

TEST(linear) {
  agree_on(kRows, kCols, [](const Context& ctx, Tensor& out) {
    const Tensor x = reals(ctx, kRows, kCols, 1), y = reals(ctx, kRows, kCols, 2);
    ops::linear(ctx, {2.0, &x, 0.5, &y, 1.0}, out);
  });
}

TEST(pack) {
  agree([](const Context& ctx) {
    BitTensor out = ops::zero_bits(ctx, kRows, kCols);
    Values found;
    found.add(ops::pack(ctx, ops::unpacked(ctx, bits(ctx, kRows, kCols, 1)), out));
    found.add(out);
    found.add(ops::pack(ctx, greys(ctx, kRows, kCols, 1), out));
    return found;
  });
}

TEST(overwrite) {
  agree([](const Context& ctx) {
    Values found;
    for (const int64_t rows : {int64_t{1}, kRows}) {
      States packed = bits(ctx, kRows, kCols, 2), dense = greys(ctx, kRows, kCols, 3);
      const BitTensor mask = bits(ctx, rows, kCols, 4);
      ops::overwrite(ctx, mask, bits(ctx, kRows, kCols, 5), packed);
      ops::overwrite(ctx, mask, greys(ctx, kRows, kCols, 6), dense);
      found.add(packed);
      found.add(dense);
    }
    return found;
  });
}

TEST(gather) {
  agree([](const Context& ctx) {
    const int64_t order[] = {5, 0, 32, 32, 7};
    Values found;
    found.add(ops::gather(ctx, bits(ctx, kRows, kCols, 1), order, 5));
    found.add(ops::gather(ctx, greys(ctx, kRows, kCols, 1), order, 5));
    return found;
  });
}

TEST(transpose) {
  agree_on(kCols, kRows, [](const Context& ctx, Tensor& out) {
    ops::transpose(ctx, reals(ctx, kRows, kCols, 1), out);
  });
}

TEST(matmul) {
  agree_on(kRows, kCols, [](const Context& ctx, Tensor& out) {
    ops::matmul(ctx, reals(ctx, kRows, 20, 1), false, reals(ctx, kCols, 20, 2), true, 0.5f, 0.0f,
                out);
  });
}

TEST(uniform) {
  agree_on(kRows, kCols,
           [](const Context& ctx, Tensor& out) { ops::uniform(ctx, {1, 2, 3}, out); });
}

TEST(normal) {
  agree_on(kRows, kCols,
           [](const Context& ctx, Tensor& out) { ops::normal(ctx, {1, 2, 3}, 0.5f, 2.0f, out); });
}

TEST(bernoulli) {
  agree([](const Context& ctx) {
    Values found;
    for (const int64_t rows : {int64_t{1}, kRows}) {
      BitTensor out = ops::zero_bits(ctx, kRows, kCols);
      ops::bernoulli(ctx, greys(ctx, rows, kCols, 1), {1, 2, 3}, out);
      found.add(out);
    }
    return found;
  });
}

TEST(update) {
  agree([](const Context& ctx) {
    const Tensor w = reals(ctx, kRows, kCols, 1), gradient = reals(ctx, kRows, kCols, 2),
                 velocity = reals(ctx, kRows, kCols, 3);
    Tensor new_w = ops::zeros(ctx, kRows, kCols), new_velocity = new_w.clone();
    Update job;
    job.weight = &w;
    job.gradient = &gradient;
    job.velocity = &velocity;
    job.new_weight = &new_w;
    job.new_velocity = &new_velocity;
    job.learning_rate = 0.1f, job.momentum = 0.5f, job.l1 = 0.01f, job.l2 = 0.02f;
    Values found;
    found.add(ops::update(ctx, job));
    found.add(new_w);
    found.add(new_velocity);
    return found;
  });
}

// Many threads find a value that is not finite at once.
TEST(update_that_blows_up) {
  agree([](const Context& ctx) {
    const Tensor w = reals(ctx, kRows, kCols, 1);
    Tensor new_w = ops::zeros(ctx, kRows, kCols);
    Update job;
    job.weight = job.gradient = &w;
    job.new_weight = &new_w;
    job.learning_rate = HUGE_VALF;
    Values found;
    found.add(ops::update(ctx, job));
    return found;
  });
}

TEST(max_norm) {
  agree_on(kRows, kCols, [](const Context& ctx, Tensor& out) {
    out = reals(ctx, kRows, kCols, 1);
    ops::limit_column_norms(ctx, 5.0f, out);
  });
}

}  // namespace gibbslab::kernel_cases
