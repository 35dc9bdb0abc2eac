// Sums, in float64 and in a fixed order: means, free energies, likelihoods.
#pragma once

#include <vector>

#include "csrc/core/context.h"
#include "csrc/core/tensor.h"

namespace gibbslab {

// What a Bernoulli RBM's reductions read: W (V, H), a (1, V), b (1, H), all scaled by beta.
struct RbmView {
  const Tensor* weights = nullptr;
  const Tensor* visible_bias = nullptr;
  const Tensor* hidden_bias = nullptr;
  double beta = 1.0;
};

struct ReduceOps {
  virtual ~ReduceOps() = default;
  virtual void column_sums(const Context& ctx, const States& x, float scale, bool accumulate,
                           Tensor& out) = 0;
  virtual void free_energy(const Context& ctx, const RbmView& rbm, const States& v,
                           double* out) = 0;
  virtual void energy(const Context& ctx, const RbmView& rbm, const States& v, const States& h,
                      double* out) = 0;
  virtual void pseudo_likelihood(const Context& ctx, const RbmView& rbm, const BitTensor& v,
                                 double* out) = 0;
  virtual void softplus_difference(const Context& ctx, const Tensor& x, float low, float high,
                                   double* out) = 0;
  virtual void weighted_sums(const Context& ctx, const States& x, const Tensor& weights,
                             double scale, double* out) = 0;
  virtual void largest_differences(const Context& ctx, const Tensor& x, const Tensor& y,
                                   double* out) = 0;
  virtual double dot(const Context& ctx, const Tensor& x, const Tensor& y) = 0;
  virtual double log_partition(const Context& ctx, const RbmView& rbm) = 0;
};

namespace ops {

// out (1, N) = scale * sum over rows of x (B, N), plus out where accumulate says so.
void column_sums(const Context& ctx, const States& x, float scale, bool accumulate, Tensor& out);
// Whether no value of x is infinite or NaN.
bool all_finite(const Context& ctx, const Tensor& x);
// out[r] = -beta a.v - sum_j log(1 + exp(beta (b_j + v W_j))), in nats; v (B, V).
void free_energy(const Context& ctx, const RbmView& rbm, const States& v, double* out);
// out[r] = -beta (v W h + a.v + b.h), in nats; v (B, V), h (B, H).
void energy(const Context& ctx, const RbmView& rbm, const States& v, const States& h, double* out);
// out[r] = sum_i log p(v_i | the other visible units), in nats.
void pseudo_likelihood(const Context& ctx, const RbmView& rbm, const BitTensor& v, double* out);
// out[r] += sum_j log(1 + exp(high x_rj)) - log(1 + exp(low x_rj)); 0 <= low, high.
void softplus_difference(const Context& ctx, const Tensor& x, float low, float high, double* out);
// out[r] += scale * sum_c weights_rc x_rc; weights (B, N), or (1, N) for every row.
void weighted_sums(const Context& ctx, const States& x, const Tensor& weights, double scale,
                   double* out);
// out[r] = max_c |x_rc - y_rc|; x, y (B, N).
void largest_differences(const Context& ctx, const Tensor& x, const Tensor& y, double* out);
// sum_c x_c y_c of two rows (1, N).
double dot(const Context& ctx, const Tensor& x, const Tensor& y);
// log Z by enumerating the smaller layer, which has at most kMaxEnumerated units.
double log_partition(const Context& ctx, const RbmView& rbm);

constexpr int64_t kMaxEnumerated = 25;

}  // namespace ops
}  // namespace gibbslab
