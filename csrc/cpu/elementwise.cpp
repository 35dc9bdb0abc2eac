#include "csrc/ops/elementwise.h"

#include <algorithm>

#include "csrc/core/thread_pool.h"
#include "csrc/cpu/cpu_ops.h"
#include "csrc/cpu/kernels.h"
#include "csrc/cpu/shares.h"

namespace gibbslab::cpu {
namespace {

struct CpuElementwise : ElementwiseOps {
  void sigmoid(const Context& ctx, const Tensor& x, Tensor& out) override {
    for_rows(ctx.threads(), x.rows(), 16, [&](int64_t r) {
      kernels().activate_row({x.row(r), x.cols(), 1.0f, 0, 0, 0, out.row(r), nullptr, false});
    });
  }

  void unpack(const Context& ctx, const BitTensor& x, Tensor& out) override {
    for_rows(ctx.threads(), x.rows(), 16, [&](int64_t r) {
      for (int64_t first = 0; first < x.cols(); first += 64) {
        const uint64_t word = x.row(r)[first / 64];
        const int64_t count = std::min<int64_t>(64, x.cols() - first);
        float* to = out.row(r) + first;
        for (int64_t c = 0; c < count; ++c) to[c] = static_cast<float>(word >> c & 1);
      }
    });
  }

  bool pack(const Context&, const Tensor& x, BitTensor& out) override {
    for (int64_t r = 0; r < x.rows(); ++r)
      if (!pack_row(x.row(r), x.cols(), out.row(r))) return false;
    return true;
  }

  void overwrite(const Context& ctx, const BitTensor& mask, const States& known,
                 States& states) override {
    if (!states.binary() || !known.binary())
      states = overwritten_dense(mask, ops::unpacked(ctx, known), ops::unpacked(ctx, states));
    else
      overwrite_bits(mask, known.bits(), states);
  }

  void linear(const Context& ctx, const Linear& job, Tensor& out) override {
    for_rows(ctx.threads(), out.rows(), 16, [&](int64_t r) {
      const float* x = job.x->row(r);
      float* to = out.row(r);
      if (job.y == nullptr) {
        for (int64_t c = 0; c < out.cols(); ++c)
          to[c] = static_cast<float>(job.p * x[c] + 0.0 + job.r);
        return;
      }
      const float* y = job.y->row(r);
      for (int64_t c = 0; c < out.cols(); ++c)
        to[c] = static_cast<float>(job.p * x[c] + job.q * y[c] + job.r);
    });
  }

  void gather(const Context&, const States& x, const int64_t* order, States& out) override {
    if (!x.binary()) {
      Tensor rows = out.dense();  // handles: written in place
      for (int64_t r = 0; r < out.rows(); ++r)
        std::copy_n(x.dense().row(order[r]), x.cols(), rows.row(r));
      return;
    }
    BitTensor rows = out.bits();
    const int64_t words = rows.words_per_row();
    for (int64_t r = 0; r < rows.rows(); ++r)  // they lie anywhere in x: ask for all at once
      for (int64_t w = 0; w < words; w += 8) __builtin_prefetch(x.bits().row(order[r]) + w);
    for (int64_t r = 0; r < rows.rows(); ++r)
      std::copy_n(x.bits().row(order[r]), words, rows.row(r));
  }

  void convert(const Context&, const ForeignMatrix& x, Tensor& out) override {
    visit_element(x.element, [&](auto number) {
      using Number = decltype(number);
      const auto* from = static_cast<const typename Number::Stored*>(x.data);
      for (int64_t r = 0; r < x.rows; ++r) {
        std::fill_n(out.row(r) + x.cols, out.stride() - x.cols, 0.0f);
        for (int64_t c = 0; c < x.cols; ++c) out.row(r)[c] = Number::value(from[r * x.stride + c]);
      }
    });
  }

 private:
  static bool pack_row(const float* x, int64_t cols, uint64_t* out) {
    bool binary = true;
    for (int64_t first = 0; first < cols; first += 64) {
      uint64_t word = 0;
      for (int64_t c = first; c < std::min(cols, first + 64); ++c) {
        binary &= x[c] == 0.0f || x[c] == 1.0f;
        word |= static_cast<uint64_t>(x[c] != 0.0f) << (c - first);
      }
      out[first / 64] = word;
    }
    return binary;
  }

  static void overwrite_bits(const BitTensor& mask, const BitTensor& known, States& states) {
    BitTensor out = states.bits();  // shares the storage: written in place
    for (int64_t r = 0; r < out.rows(); ++r) {
      const uint64_t* m = mask.row(mask.rows() == 1 ? 0 : r);
      for (int64_t w = 0; w < out.words_per_row(); ++w)
        out.row(r)[w] = (out.row(r)[w] & ~m[w]) | (known.row(r)[w] & m[w]);
    }
  }

  static Tensor overwritten_dense(const BitTensor& mask, const Tensor& known,
                                  const Tensor& states) {
    Tensor out = states.clone();
    for (int64_t r = 0; r < out.rows(); ++r)
      for (int64_t c = 0; c < out.cols(); ++c)
        if (mask.get(mask.rows() == 1 ? 0 : r, c)) out.row(r)[c] = known.row(r)[c];
    return out;
  }
};

}  // namespace

ElementwiseOps& elementwise_ops() {
  static CpuElementwise ops;
  return ops;
}

}  // namespace gibbslab::cpu
