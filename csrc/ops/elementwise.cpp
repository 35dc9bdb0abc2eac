#include "csrc/ops/elementwise.h"

#include "csrc/core/error.h"
#include "csrc/ops/backend.h"

namespace gibbslab::ops {

void sigmoid(const Context& ctx, const Tensor& x, Tensor& out) {
  require(x.rows() == out.rows() && x.cols() == out.cols(), "sigmoid", [&] {
    return "out must have the shape of x " + shape_string(x.rows(), x.cols()) + ", got " +
           shape_string(out.rows(), out.cols());
  });
  ctx.backend().elementwise.sigmoid(ctx, x, out);
}

void unpack(const Context& ctx, const BitTensor& x, Tensor& out) {
  require(x.rows() == out.rows() && x.cols() == out.cols(), "unpack", [&] {
    return "out must have the shape of x " + shape_string(x.rows(), x.cols()) + ", got " +
           shape_string(out.rows(), out.cols());
  });
  ctx.backend().elementwise.unpack(ctx, x, out);
}

Tensor unpacked(const Context& ctx, const States& x) {
  if (!x.binary()) return x.dense();
  Tensor out = zeros(ctx, x.rows(), x.cols());
  unpack(ctx, x.bits(), out);
  return out;
}

bool pack(const Context& ctx, const Tensor& x, BitTensor& out) {
  require(x.rows() == out.rows() && x.cols() == out.cols(), "pack", [&] {
    return "out must have the shape of x " + shape_string(x.rows(), x.cols()) + ", got " +
           shape_string(out.rows(), out.cols());
  });
  return ctx.backend().elementwise.pack(ctx, x, out);
}

States packed_if_binary(const Context& ctx, const Tensor& x) {
  BitTensor bits = zero_bits(ctx, x.rows(), x.cols());
  if (pack(ctx, x, bits)) return bits;
  return x;
}

void overwrite(const Context& ctx, const BitTensor& mask, const States& known, States& states) {
  require(mask.cols() == states.cols() && (mask.rows() == 1 || mask.rows() == states.rows()),
          "overwrite", [&] {
            return "mask must have shape " + shape_string(states.rows(), states.cols()) + " or " +
                   shape_string(1, states.cols()) + ", got " +
                   shape_string(mask.rows(), mask.cols());
          });
  require(known.rows() == states.rows() && known.cols() == states.cols(), "overwrite", [&] {
    return "known must have shape " + shape_string(states.rows(), states.cols()) + ", got " +
           shape_string(known.rows(), known.cols());
  });
  ctx.backend().elementwise.overwrite(ctx, mask, known, states);
}

void linear(const Context& ctx, const Linear& job, Tensor& out) {
  for (const Tensor* t : {job.x, job.y})
    require(t == nullptr || (t->rows() == out.rows() && t->cols() == out.cols()), "linear", [&] {
      return "x and y must have shape " + shape_string(out.rows(), out.cols()) + ", got " +
             shape_string(t->rows(), t->cols());
    });
  ctx.backend().elementwise.linear(ctx, job, out);
}

States gather(const Context& ctx, const States& x, const int64_t* order, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    require(0 <= order[i] && order[i] < x.rows(), "gather", [&] {
      return "order must name rows 0 ... " + std::to_string(x.rows() - 1) + ", got " +
             std::to_string(order[i]);
    });
  States out =
      x.binary() ? States(zero_bits(ctx, count, x.cols())) : States(zeros(ctx, count, x.cols()));
  ctx.backend().elementwise.gather(ctx, x, order, out);
  return out;
}

Tensor converted(const Context& ctx, const ForeignMatrix& x) {
  require(x.rows >= 0 && x.cols >= 0 && (x.rows <= 1 || x.stride >= x.cols), "converted", [&] {
    return "rows must not overlap, got shape " + shape_string(x.rows, x.cols) + " with rows " +
           std::to_string(x.stride) + " elements apart";
  });
  Tensor out = empty(ctx, x.rows, x.cols);
  ctx.backend().elementwise.convert(ctx, x, out);
  return out;
}

}  // namespace gibbslab::ops
