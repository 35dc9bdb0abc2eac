// Convolutions of large batches, one pixel of all samples at a time: what the samples hold side by
// side is a factor of a product where it lies, and what the border's zeros would be multiplied with
// is left out. 7 x 7 x 128 to 128 by 5 x 5, batch 128, one thread: 63 -> 34 ms.
#pragma once

#include "csrc/ops/conv.h"

namespace gibbslab::cpu {

// Whether the products are large enough for this to be faster; a and b are the operands.
bool suits_pixels(const ConvGeometry& g, const Tensor& a, const Tensor& b);

void conv_by_pixel(const Context& ctx, const Conv& job);
void conv_transposed_by_pixel(const Context& ctx, const Conv& job);
void conv_weight_by_pixel(const Context& ctx, const ConvGeometry& g, const Tensor& y,
                          const Tensor& x, Tensor& out);

}  // namespace gibbslab::cpu
