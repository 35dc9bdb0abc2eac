#include "csrc/ops/reduce.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "csrc/cpu/cpu_ops.h"
#include "csrc/cpu/kernels.h"
#include "csrc/cpu/shares.h"

namespace gibbslab::cpu {
namespace {

double log1p_exp(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

// One row's pre-activations b + v W in float64, for either kind of states.
class HiddenInput {
 public:
  explicit HiddenInput(const RbmView& rbm)
      : w_(*rbm.weights),
        bias_(static_cast<size_t>(w_.stride()), 0.0),
        out_(bias_),
        active_(static_cast<size_t>(w_.rows())) {
    std::copy_n(rbm.hidden_bias->data(), w_.cols(), bias_.begin());
  }

  const std::vector<double>& of(const States& v, int64_t r) {
    if (v.binary()) {
      const int64_t count = list_ones(v.bits().row(r), v.bits().words_per_row());
      kernels().gather_rows(w_.data(), w_.stride(), active_.data(), count, bias_.data(),
                            out_.data(), w_.stride());
      return out_;
    }
    out_ = bias_;
    for (int64_t i = 0; i < w_.rows(); ++i)
      if (const float x = v.dense().row(r)[i]; x != 0.0f)
        kernels().axpy(x, w_.row(i), out_.data(), w_.stride());
    return out_;
  }

 private:
  int64_t list_ones(const uint64_t* row, int64_t words) {
    int64_t count = 0;
    for (int64_t w = 0; w < words; ++w)
      for (uint64_t left = row[w]; left != 0; left &= left - 1)
        active_[count++] = static_cast<int32_t>(64 * w + std::countr_zero(left));
    return count;
  }

  const Tensor& w_;
  std::vector<double> bias_, out_;
  std::vector<int32_t> active_;
};

double row_dot(const States& x, int64_t r, const float* weights) {
  double total = 0;
  if (!x.binary()) {
    for (int64_t c = 0; c < x.cols(); ++c)
      total += static_cast<double>(weights[c]) * x.dense().row(r)[c];
    return total;
  }
  for (int64_t w = 0; w < x.bits().words_per_row(); ++w)
    for (uint64_t left = x.bits().row(r)[w]; left != 0; left &= left - 1)
      total += weights[64 * w + std::countr_zero(left)];
  return total;
}

struct CpuReduce : ReduceOps {
  void column_sums(const Context&, const States& x, float scale, bool accumulate,
                   Tensor& out) override {
    std::vector<double> sums(static_cast<size_t>(x.cols()), 0.0);
    if (x.binary())
      kernels().bit_column_sums(x.bits(), sums.data());
    else
      kernels().column_sums(x.dense(), sums.data());
    float* to = out.data();
    const int64_t cols = x.cols();
    for (int64_t c = 0; c < cols; ++c)
      to[c] = (accumulate ? to[c] : 0.0f) + static_cast<float>(scale * sums[c]);
  }

  void free_energy(const Context& ctx, const RbmView& rbm, const States& v, double* out) override {
    for_pieces(ctx.threads(), v.rows(), 8, [&](int64_t begin, int64_t end) {
      HiddenInput input(rbm);
      std::vector<double> scaled(static_cast<size_t>(rbm.weights->cols()));
      for (int64_t r = begin; r < end; ++r) {
        const std::vector<double>& x = input.of(v, r);
        for (size_t j = 0; j < scaled.size(); ++j) scaled[j] = rbm.beta * x[j];
        out[r] = -rbm.beta * row_dot(v, r, rbm.visible_bias->data()) -
                 kernels().softplus_sum(scaled.data(), static_cast<int64_t>(scaled.size()));
      }
    });
  }

  void energy(const Context& ctx, const RbmView& rbm, const States& v, const States& h,
              double* out) override {
    for_pieces(ctx.threads(), v.rows(), 8, [&](int64_t begin, int64_t end) {
      HiddenInput input(rbm);
      for (int64_t r = begin; r < end; ++r) {
        const std::vector<double>& x = input.of(v, r);
        double total = row_dot(v, r, rbm.visible_bias->data());
        for (int64_t j = 0; j < h.cols(); ++j)
          total +=
              x[j] * (h.binary() ? static_cast<double>(h.bits().get(r, j)) : h.dense().row(r)[j]);
        out[r] = -rbm.beta * total;
      }
    });
  }

  void pseudo_likelihood(const Context& ctx, const RbmView& rbm, const BitTensor& v,
                         double* out) override {
    const States states(v);
    for_pieces(ctx.threads(), v.rows(), 8, [&](int64_t begin, int64_t end) {
      HiddenInput input(rbm);
      for (int64_t r = begin; r < end; ++r) out[r] = row_likelihood(rbm, states, input, r);
    });
  }

  void softplus_difference(const Context& ctx, const Tensor& x, float low, float high,
                           double* out) override {
    for_pieces(ctx.threads(), x.rows(), 8, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r)
        out[r] += kernels().softplus_difference(x.row(r), x.cols(), low, high);
    });
  }

  void weighted_sums(const Context& ctx, const States& x, const Tensor& weights, double scale,
                     double* out) override {
    for_pieces(ctx.threads(), x.rows(), 8, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r)
        out[r] += scale * row_dot(x, r, weights.row(weights.rows() == 1 ? 0 : r));
    });
  }

  void largest_differences(const Context& ctx, const Tensor& x, const Tensor& y,
                           double* out) override {
    for_pieces(ctx.threads(), x.rows(), 8, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r)
        out[r] = kernels().largest_difference(x.row(r), y.row(r), x.cols());
    });
  }

  double dot(const Context&, const Tensor& x, const Tensor& y) override {
    double total = 0;
    for (int64_t c = 0; c < x.cols(); ++c) total += static_cast<double>(x.data()[c]) * y.data()[c];
    return total;
  }

  double log_partition(const Context& ctx, const RbmView& rbm) override {
    return enumerate_log_partition(ctx, rbm);
  }

 private:
  // Flipping v_i changes every hidden input by +-W_ij: log p(v_i | rest) = -log(1 + exp(F - F_i)).
  static double row_likelihood(const RbmView& rbm, const States& v, HiddenInput& input, int64_t r) {
    const std::vector<double>& x = input.of(v, r);
    const int64_t hidden = rbm.weights->cols();
    std::vector<double> flipped(static_cast<size_t>(hidden));
    for (int64_t j = 0; j < hidden; ++j) flipped[j] = rbm.beta * x[j];
    const double here = kernels().softplus_sum(flipped.data(), hidden);
    double total = 0;
    for (int64_t i = 0; i < v.cols(); ++i) {
      const double sign = v.bits().get(r, i) ? -rbm.beta : rbm.beta;
      const float* w = rbm.weights->row(i);
      for (int64_t j = 0; j < hidden; ++j) flipped[j] = rbm.beta * x[j] + sign * w[j];
      const double there =
          kernels().softplus_sum(flipped.data(), hidden) + sign * rbm.visible_bias->data()[i];
      total -= log1p_exp(there - here);
    }
    return total;
  }
};

}  // namespace

ReduceOps& reduce_ops() {
  static CpuReduce ops;
  return ops;
}

}  // namespace gibbslab::cpu
