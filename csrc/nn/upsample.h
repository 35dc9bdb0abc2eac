// Enlarged images as variables (csrc/ops/upsample.h).
#pragma once

#include "csrc/core/enlargement.h"
#include "csrc/nn/variable.h"

namespace gibbslab::nn {

// (N, outputs) from x (N, inputs), and the transpose of this map; each is the other's gradient.
Variable upsample(const Enlargement& g, const Variable& x);
Variable upsample_transposed(const Enlargement& g, const Variable& y);

}  // namespace gibbslab::nn
