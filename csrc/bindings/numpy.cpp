#include "csrc/bindings/numpy.h"

#include <algorithm>

#include "csrc/core/error.h"
#include "csrc/ops/backend.h"

namespace gibbslab {
namespace {

int64_t rows_of(const FloatArray& a) { return a.ndim() == 1 ? 1 : a.shape(0); }
int64_t cols_of(const FloatArray& a) { return a.ndim() == 1 ? a.shape(0) : a.shape(1); }

Context host_context() { return {cpu_backend(), 0, 0}; }

}  // namespace

std::shared_ptr<const void> kept_alive(py::object object) {
  return {new py::object(std::move(object)), [](const void* p) {
            py::gil_scoped_acquire gil;
            delete static_cast<const py::object*>(p);
          }};
}

Tensor tensor_view(const FloatArray& array) {
  return Tensor::borrow(array.data(), rows_of(array), cols_of(array), cols_of(array),
                        kept_alive(array));
}

Tensor tensor_from(const Context& ctx, const FloatArray& array) {
  const Tensor view = tensor_view(array);
  Memory& memory = ctx.backend().memory;
  return memory.on_host() ? view.clone() : view.to(memory);
}

States states_from(const Context& ctx, const FloatArray& array) {
  const States states = ops::packed_if_binary(host_context(), tensor_view(array));
  if (states.binary()) return states.to(ctx.backend().memory);
  return tensor_from(ctx, array);
}

BitTensor bits_from(const Context& ctx, const FloatArray& array, const char* op, const char* name) {
  BitTensor bits = BitTensor::zeros(rows_of(array), cols_of(array));
  require(ops::pack(host_context(), tensor_view(array), bits), op,
          [&] { return std::string(name) + " must hold only 0 and 1"; });
  return bits.to(ctx.backend().memory);
}

py::array_t<float> array_from(const Tensor& tensor) {
  const Tensor x = tensor.to(host_memory());
  py::array_t<float> out({x.rows(), x.cols()});
  for (int64_t r = 0; r < x.rows(); ++r)
    std::copy_n(x.row(r), x.cols(), out.mutable_data() + r * x.cols());
  return out;
}

py::array_t<float> array_from(const BitTensor& bits) {
  const BitTensor x = bits.to(host_memory());
  py::array_t<float> out({x.rows(), x.cols()});
  float* at = out.mutable_data();
  for (int64_t r = 0; r < x.rows(); ++r)
    for (int64_t c = 0; c < x.cols(); ++c) *at++ = x.get(r, c) ? 1.0f : 0.0f;
  return out;
}

py::array_t<double> array_from(const std::vector<double>& x) {
  py::array_t<double> out(static_cast<py::ssize_t>(x.size()));
  std::copy(x.begin(), x.end(), out.mutable_data());
  return out;
}

py::array_t<float> vector_from(const Tensor& x) {
  py::array_t<float> out(x.cols());
  std::copy_n(x.to(host_memory()).data(), x.cols(), out.mutable_data());
  return out;
}

}  // namespace gibbslab
