#include "csrc/ops/arithmetic.h"

#include <algorithm>

#include "csrc/cpu/cpu_ops.h"
#include "csrc/cpu/shares.h"

namespace gibbslab::cpu {
namespace {

// A row of an operand that may have one row, or one column, for all.
struct Operand {
  const Tensor& x;
  int64_t step() const { return x.cols() == 1 ? 0 : 1; }
  const float* row(int64_t r) const { return x.row(x.rows() == 1 ? 0 : r); }
};

template <class Combine>
void combine_rows(const Context& ctx, const Operand& a, const Operand& b, Tensor& out,
                  const Combine& f) {
  for_rows(ctx.threads(), out.rows(), 16, [&](int64_t r) {
    const float *x = a.row(r), *y = b.row(r);
    const int64_t p = a.step(), q = b.step();
    float* to = out.row(r);
    // The two that are met most are loops that the compiler can make vectors of.
    if (p == 1 && q == 1)
      for (int64_t c = 0; c < out.cols(); ++c) to[c] = f(x[c], y[c]);
    else if (p == 1)
      for (int64_t c = 0; c < out.cols(); ++c) to[c] = f(x[c], y[0]);
    else
      for (int64_t c = 0; c < out.cols(); ++c) to[c] = f(x[0], y[q * c]);
  });
}

struct CpuArithmetic : ArithmeticOps {
  void map(const Context& ctx, Function f, const Tensor& x, Tensor& out) override {
    const Tensor from = x.with_padding();
    for_rows(ctx.threads(), x.rows(), 16,
             [&](int64_t r) { kernels().map_row(f, from.row(r), out.row(r), x.cols()); });
  }

  void combine(const Context& ctx, Arithmetic kind, const Tensor& a, const Tensor& b,
               Tensor& out) override {
    const auto run = [&](const auto& f) { combine_rows(ctx, {a}, {b}, out, f); };
    if (kind == Arithmetic::kAdd) run([](float x, float y) { return x + y; });
    if (kind == Arithmetic::kSubtract) run([](float x, float y) { return x - y; });
    if (kind == Arithmetic::kMultiply) run([](float x, float y) { return x * y; });
    if (kind == Arithmetic::kDivide) run([](float x, float y) { return x / y; });
  }

  void row_sums(const Context& ctx, const Tensor& x, double scale, Tensor& out) override {
    for_rows(ctx.threads(), x.rows(), 16, [&](int64_t r) {
      double sum = 0;
      for (int64_t c = 0; c < x.cols(); ++c) sum += static_cast<double>(x.row(r)[c]);
      out.row(r)[0] = static_cast<float>(scale * sum);
    });
  }

  void reshape(const Context&, const Tensor& x, Tensor& out) override {
    // Whole runs that lie in one row of each.
    int64_t left = x.rows() * x.cols(), r = 0, c = 0, to_r = 0, to_c = 0;
    while (left > 0) {
      const int64_t run = std::min(x.cols() - c, out.cols() - to_c);
      std::copy_n(x.row(r) + c, run, out.row(to_r) + to_c);
      left -= run;
      c += run;
      to_c += run;
      if (c == x.cols()) ++r, c = 0;
      if (to_c == out.cols()) ++to_r, to_c = 0;
    }
  }
};

}  // namespace

ArithmeticOps& arithmetic_ops() {
  static CpuArithmetic ops;
  return ops;
}

}  // namespace gibbslab::cpu
