// What the bindings of the trainers share.
#pragma once

#include <string>

#include "csrc/bindings/numpy.h"
#include "csrc/models/trainer_parts.h"

namespace gibbslab {

// Batches of an epoch, whose order names rows of the data.
BatchRange checked_range(const Dataset& data, const IndexArray& order, int64_t batch_size,
                         int64_t first, int64_t last);

// The tensor of this name, if `values` has it: of the same shape.
void restore_tensor(const Context& ctx, const pybind11::dict& values, const std::string& name,
                    Tensor& tensor);

}  // namespace gibbslab
