// The array boundary: NumPy in, NumPy out. Python has checked dtypes and made arrays contiguous.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <memory>
#include <vector>

#include "csrc/core/context.h"
#include "csrc/core/tensor.h"

namespace gibbslab {

namespace py = pybind11;

using FloatArray = py::array_t<float, py::array::c_style>;
using DoubleArray = py::array_t<double, py::array::c_style>;
using IndexArray = py::array_t<int64_t, py::array::c_style>;

// An owner for tensors that keeps a Python object alive; it may be dropped from any thread.
std::shared_ptr<const void> kept_alive(py::object object);

// A copy in the library's padded layout, where `ctx` computes; 1-d arrays become one row.
Tensor tensor_from(const Context& ctx, const FloatArray& array);
// A view that keeps the array alive.
Tensor tensor_view(const FloatArray& array);
// A batch of states where `ctx` computes, packed when every value is 0 or 1.
States states_from(const Context& ctx, const FloatArray& array);
// Bits from an array of zeros and ones; ValueError naming `name` otherwise.
BitTensor bits_from(const Context& ctx, const FloatArray& array, const char* op, const char* name);

// New arrays; (R, C).
py::array_t<float> array_from(const Tensor& x);
py::array_t<float> array_from(const BitTensor& x);
py::array_t<double> array_from(const std::vector<double>& x);
// One row, as a 1-d array.
py::array_t<float> vector_from(const Tensor& x);

}  // namespace gibbslab
