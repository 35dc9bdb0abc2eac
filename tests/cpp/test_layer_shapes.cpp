// Operations on images refuse operands that do not fit, naming themselves and the operand.
#include "csrc/core/error.h"
#include "tests/cpp/check.h"
#include "tests/cpp/random_data.h"

namespace gibbslab {
namespace {

using check_data::context;

// 4 x 5 images of 2 channels to 2 x 3 of 3 channels, by 3 x 3.
constexpr ConvGeometry kGeometry{4, 5, 2, 2, 3, 3, 3, 3, 1, 1, 0, 0};

TEST(convolutions) {
  const Tensor x = Tensor::zeros(2, 40), y = Tensor::zeros(2, 18), w = Tensor::zeros(3, 18),
               bias = Tensor::zeros(1, 3);
  Tensor out = Tensor::zeros(2, 18), back = Tensor::zeros(2, 40), dw = Tensor::zeros(3, 18);
  ops::conv(context(), {kGeometry, &x, &w, &bias, {}, &out});
  ops::conv_transposed(context(), {kGeometry, &y, &w, nullptr, {}, &back});
  ops::conv_weight(context(), kGeometry, y, x, dw);
  CHECK_THROWS(ShapeError, "[conv] x must have 40 columns, got shape (2, 18)",
               ops::conv(context(), {kGeometry, &y, &w, &bias, {}, &out}));
  CHECK_THROWS(ShapeError, "[conv] weight must have shape (3, 18), got (2, 40)",
               ops::conv(context(), {kGeometry, &x, &x, nullptr, {}, &out}));
  CHECK_THROWS(ShapeError, "[conv] out must have shape (2, 18), got (2, 40)",
               ops::conv(context(), {kGeometry, &x, &w, &bias, {}, &back}));
  CHECK_THROWS(ShapeError, "[conv_transposed] bias must have shape (1, 2), got (1, 3)",
               ops::conv_transposed(context(), {kGeometry, &y, &w, &bias, {}, &back}));
  CHECK_THROWS(ShapeError, "[conv_weight] x must have shape (2, 40), got (2, 18)",
               ops::conv_weight(context(), kGeometry, y, y, dw));
  ConvGeometry none = kGeometry;
  none.kernel_rows = 0;
  CHECK_THROWS(ShapeError, "[conv] sizes of the kernel must be in 1",
               ops::conv(context(), {none, &x, &w, &bias, {}, &out}));
  CHECK_THROWS(ShapeError, "[swap_axes] x must have shape (2, 30), got (2, 40)",
               ops::swap_axes(context(), x, 5, 6, back));
}

TEST(convolutions_that_are_normalised) {
  const Tensor x = Tensor::zeros(2, 40), w = Tensor::zeros(3, 18), c = Tensor::zeros(1, 3),
               wrong = Tensor::zeros(1, 2), none = Tensor::zeros(0, 40);
  Tensor out = Tensor::zeros(2, 18), mean = Tensor::zeros(1, 3), variance = Tensor::zeros(1, 3),
         empty = Tensor::zeros(0, 18);
  const Channels fitting{&c, &c, nullptr, nullptr, 1e-5f}, short_mean{&wrong, &wrong};
  ops::conv(context(), {kGeometry, &x, &w, nullptr, {}, &out, &fitting});
  ops::conv(context(), {kGeometry, &x, &w, nullptr, {}, &out, nullptr, &mean, &variance});
  CHECK_THROWS(ShapeError, "[conv] mean must have shape (1, 3), got (1, 2)",
               ops::conv(context(), {kGeometry, &x, &w, nullptr, {}, &out, &short_mean}));
  CHECK_THROWS(
      ShapeError, "[conv] mean and variance must be given together",
      ops::conv(context(), {kGeometry, &x, &w, nullptr, {}, &out, nullptr, &mean, nullptr}));
  CHECK_THROWS(
      ShapeError, "[conv] moments are those of a result without an activation",
      ops::conv(context(), {kGeometry, &x, &w, nullptr, {}, &out, &fitting, &mean, &variance}));
  CHECK_THROWS(
      ShapeError, "[conv] x must have elements",
      ops::conv(context(), {kGeometry, &none, &w, nullptr, {}, &empty, nullptr, &mean, &variance}));
}

TEST(convolutions_of_an_empty_batch) {
  const Tensor x = Tensor::zeros(0, 40), y = Tensor::zeros(0, 18), w = Tensor::zeros(3, 18);
  Tensor out = Tensor::zeros(0, 18), dw = Tensor::zeros(3, 18);
  check_data::fill(dw, 1.0f);
  ops::conv(context(), {kGeometry, &x, &w, nullptr, {}, &out});
  ops::conv_weight(context(), kGeometry, y, x, dw);
  CHECK(check_data::same(dw, Tensor::zeros(3, 18)));
}

TEST(batch_normalisation) {
  const Tensor x = Tensor::zeros(2, 6), channels = Tensor::zeros(1, 3), wrong = Tensor::zeros(1, 2);
  Tensor out = Tensor::zeros(2, 6), mean = Tensor::zeros(1, 3), variance = Tensor::zeros(1, 4);
  Tensor empty = Tensor::zeros(0, 6);
  const Channels fitting{&channels, &channels, nullptr, nullptr, 1e-5f};
  CHECK_THROWS(ShapeError, "[channel_moments] variance must have shape (1, 3), got (1, 4)",
               ops::channel_moments(context(), x, mean, variance));
  CHECK_THROWS(ShapeError, "[channel_moments] x must have elements",
               ops::channel_moments(context(), empty, mean, mean));
  CHECK_THROWS(
      ShapeError, "[batch_norm] gamma must have shape (1, 3), got (1, 2)",
      ops::batch_norm(context(), {&x, {&channels, &channels, &wrong, &wrong, 0.0f}, {}, &out}));
  CHECK_THROWS(ShapeError, "[batch_norm] out must have shape (2, 6), got (1, 3)",
               ops::batch_norm(context(), {&x, fitting, {}, &mean}));
  BatchNormBackward job;
  job.dy = &channels;
  job.x = &x;
  job.channels = fitting;
  CHECK_THROWS(ShapeError, "[batch_norm_backward] dy must have shape (2, 6), got (1, 3)",
               ops::batch_norm_backward(context(), job));
  job.dy = &x;
  job.out = &mean;
  job.activation.kind = FunctionKind::kTanh;
  job.y = &channels;
  CHECK_THROWS(ShapeError, "[batch_norm_backward] y must have shape (2, 6), got (1, 3)",
               ops::batch_norm_backward(context(), job));
  job.activation.kind = FunctionKind::kIdentity;
  CHECK_THROWS(ShapeError, "[batch_norm_backward] out must have shape (2, 6), got (1, 3)",
               ops::batch_norm_backward(context(), job));
}

TEST(upsampling) {
  const Tensor x = Tensor::zeros(2, 12), y = Tensor::zeros(2, 48);
  Tensor out = Tensor::zeros(2, 48), back = Tensor::zeros(2, 12);
  const Enlargement fitting{3, 4, 1, 2, 2, true};
  ops::upsample(context(), fitting, x, out);
  ops::upsample_transposed(context(), fitting, y, back);
  CHECK_THROWS(ShapeError, "[upsample] out must have shape (2, 48), got (2, 12)",
               ops::upsample(context(), fitting, x, back));
  CHECK_THROWS(ShapeError, "[upsample_transposed] y must have shape (2, 48), got (2, 12)",
               ops::upsample_transposed(context(), fitting, x, back));
  CHECK_THROWS(ShapeError, "[upsample] factors must be in 1",
               ops::upsample(context(), {3, 4, 1, 0, 2, true}, x, out));
}

}  // namespace
}  // namespace gibbslab
