// Convolutions of images; of 0/1 values, whose sums are exact in every arithmetic.
#include "tests/emulator/kernels/both.h"

namespace gibbslab::kernel_cases {
namespace {

constexpr int64_t kBatch = 2;

// x (7, 6, 4) to y (4, 3, 5) by 3 x 3 taps, stride 2, padding 1.
ConvGeometry geometry() { return {7, 6, 4, 4, 3, 5, 3, 3, 2, 2, 1, 1}; }

Tensor zero_or_one(const Context& ctx, int64_t rows, int64_t cols, uint64_t stream) {
  return ops::unpacked(ctx, bits(ctx, rows, cols, stream));
}

void agree_on_layer(bool transposed) {
  agree([=](const Context& ctx) {
    const ConvGeometry g = geometry();
    const Tensor x = zero_or_one(ctx, kBatch, transposed ? g.outputs() : g.inputs(), 1),
                 w = zero_or_one(ctx, g.out_channels, g.window(), 2),
                 b = zero_or_one(ctx, 1, transposed ? g.channels : g.out_channels, 3);
    Tensor out = ops::zeros(ctx, kBatch, transposed ? g.inputs() : g.outputs());
    const Conv job{g, &x, &w, &b, {FunctionKind::kTanh, 0.0f}, &out};
    transposed ? ops::conv_transposed(ctx, job) : ops::conv(ctx, job);
    Values found;
    found.add(out);
    return found;
  });
}

TEST(conv_forward) { agree_on_layer(false); }
TEST(conv_transposed) { agree_on_layer(true); }

// The product with its moments, then normalised by them as it is made again.
void agree_on_normalised_layer(bool transposed) {
  agree([=](const Context& ctx) {
    const ConvGeometry g = geometry();
    const int64_t channels = transposed ? g.channels : g.out_channels;
    const Tensor x = zero_or_one(ctx, kBatch, transposed ? g.outputs() : g.inputs(), 1),
                 w = zero_or_one(ctx, g.out_channels, g.window(), 2);
    Tensor z = ops::zeros(ctx, kBatch, transposed ? g.inputs() : g.outputs()),
           out = ops::zeros(ctx, z.rows(), z.cols()), mean = ops::zeros(ctx, 1, channels),
           variance = ops::zeros(ctx, 1, channels);
    const Channels norm{&mean, &variance, nullptr, nullptr, 1.0f};
    const Conv product{g, &x, &w, nullptr, {}, &z, nullptr, &mean, &variance},
        normalised{g, &x, &w, nullptr, {FunctionKind::kTanh, 0.0f}, &out, &norm};
    for (const Conv& job : {product, normalised})
      transposed ? ops::conv_transposed(ctx, job) : ops::conv(ctx, job);
    Values found;
    found.add(z);
    found.add(mean);
    found.add(variance);
    found.add(out);
    return found;
  });
}

TEST(conv_forward_normalised) { agree_on_normalised_layer(false); }
TEST(conv_transposed_normalised) { agree_on_normalised_layer(true); }

TEST(conv_weight) {
  agree([](const Context& ctx) {
    const ConvGeometry g = geometry();
    Tensor out = ops::zeros(ctx, g.out_channels, g.window());
    ops::conv_weight(ctx, g, zero_or_one(ctx, kBatch, g.outputs(), 1),
                     zero_or_one(ctx, kBatch, g.inputs(), 2), out);
    Values found;
    found.add(out);
    return found;
  });
}

}  // namespace
}  // namespace gibbslab::kernel_cases
