// How products of 0/1 states and weights are computed, where the user has a say for every device.
#pragma once

namespace gibbslab {

// GIBBSLAB_PRODUCTS=int8x3: weights in fixed point (fixed_point.h), sums of whole numbers, so that
// a half-step's pre-activations have the same bits on every device. Unset or empty: each device's
// own way. DeviceError for another value.
bool fixed_point_products();

}  // namespace gibbslab
