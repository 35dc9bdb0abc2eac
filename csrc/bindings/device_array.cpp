#include "csrc/bindings/device_array.h"

#include "csrc/core/error.h"

namespace gibbslab {
namespace {

const Tensor& tensor_on(const Context& ctx, const DeviceArray* array) {
  require(array != nullptr && &array->backend() == &ctx.backend(), "DeviceArray", [&] {
    return "the array must lie where the model computes, '" + ctx.backend().name + "'";
  });
  return array->tensor();
}

// Waits for the device with the GIL released.
template <class Body>
auto unlocked(const Body& body) {
  py::gil_scoped_release release;
  return body();
}

}  // namespace

DeviceArray DeviceArray::rows(int64_t begin, int64_t end) const {
  return {*backend_, tensor_.slice(begin, end), writeable_, ndim_};
}

DeviceArray DeviceArray::copy() const { return {*backend_, tensor_.clone(), true, ndim_}; }

std::shared_ptr<const void> DeviceArray::lease() const {
  return {new Tensor(tensor_), [](const void* p) {
            const auto* tensor = static_cast<const Tensor*>(p);
            tensor->memory().finish_all();
            delete tensor;
          }};
}

Element element_named(const std::string& name) {
  for (size_t i = 0; i < kElementNames.size(); ++i)
    if (name == kElementNames[i]) return static_cast<Element>(i);
  throw py::type_error("'" + name + "' is no number type that can be converted");
}

Tensor tensor_view(const Context& ctx, const Batch& batch) {
  if (const auto* array = std::get_if<FloatArray>(&batch)) return tensor_view(*array);
  return tensor_on(ctx, std::get<const DeviceArray*>(batch));
}

States states_from(const Context& ctx, const Batch& batch) {
  if (const auto* array = std::get_if<FloatArray>(&batch)) return states_from(ctx, *array);
  const Tensor x = tensor_on(ctx, std::get<const DeviceArray*>(batch));
  return unlocked([&] { return ops::packed_if_binary(ctx, x); });
}

BitTensor bits_from(const Context& ctx, const Batch& batch, const char* op, const char* name) {
  if (const auto* array = std::get_if<FloatArray>(&batch)) return bits_from(ctx, *array, op, name);
  const Tensor x = tensor_on(ctx, std::get<const DeviceArray*>(batch));
  BitTensor bits = ops::zero_bits(ctx, x.rows(), x.cols());
  require(unlocked([&] { return ops::pack(ctx, x, bits); }), op,
          [&] { return std::string(name) + " must hold only 0 and 1"; });
  return bits;
}

Tensor tensor_from(const Context& ctx, const Batch& batch) {
  if (const auto* array = std::get_if<FloatArray>(&batch)) return tensor_from(ctx, *array);
  return tensor_on(ctx, std::get<const DeviceArray*>(batch)).clone();
}

py::object result_like(const Batch& like, const Context& ctx, const Tensor& x) {
  if (std::holds_alternative<FloatArray>(like)) return array_from(x);
  return py::cast(DeviceArray(ctx.backend(), x, true));
}

py::object result_like(const Batch& like, const Context& ctx, const BitTensor& x) {
  if (std::holds_alternative<FloatArray>(like)) return array_from(x);
  return py::cast(DeviceArray(ctx.backend(), ops::unpacked(ctx, x), true));
}

py::object result_like(const Batch& like, const Context& ctx, const States& x) {
  return x.binary() ? result_like(like, ctx, x.bits()) : result_like(like, ctx, x.dense());
}

}  // namespace gibbslab
