#include "csrc/ops/random.h"

#include <numeric>
#include <utility>

#include "csrc/core/error.h"
#include "csrc/ops/backend.h"

namespace gibbslab::ops {

void uniform(const Context& ctx, const Draw& draw, Tensor& out) {
  ctx.backend().random.uniform(ctx, draw, out);
}

void normal(const Context& ctx, const Draw& draw, float mean, float deviation, Tensor& out) {
  ctx.backend().random.normal(ctx, draw, mean, deviation, out);
}

void normal_of_stored(const Context& ctx, const Draw* draw, float mean, float deviation,
                      Tensor& out) {
  ctx.backend().random.normal_of_stored(ctx, draw, mean, deviation, out);
}

void bernoulli(const Context& ctx, const Tensor& p, const Draw& draw, BitTensor& out) {
  require((p.rows() == out.rows() || p.rows() == 1) && p.cols() == out.cols(), "bernoulli", [&] {
    return "out must have the shape of p " + shape_string(p.rows(), p.cols()) + ", got " +
           shape_string(out.rows(), out.cols());
  });
  ctx.backend().random.bernoulli(ctx, p, draw, out);
}

void permutation(const Draw& draw, int64_t n, int64_t* out) {
  std::iota(out, out + n, int64_t{0});
  for (int64_t i = n - 1; i > 0; --i) {
    const PhiloxWords words = philox(static_cast<uint64_t>(i), draw.stream, draw.seed);
    const uint64_t wide = (static_cast<uint64_t>(words.w[1]) << 32) | words.w[0];
    // 64 bits for a range below 2^63: the bias of the remainder is under 2^-30 for any data set.
    std::swap(out[i], out[static_cast<int64_t>(wide % static_cast<uint64_t>(i + 1))]);
  }
}

}  // namespace gibbslab::ops
