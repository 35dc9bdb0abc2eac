// DeviceArray for Python: NumPy's attributes, and the protocols of other libraries.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "csrc/bindings/bindings.h"
#include "csrc/bindings/device_array.h"
#include "csrc/bindings/devices.h"
#include "csrc/bindings/dlpack_export.h"
#include "csrc/bindings/dlpack_import.h"
#include "csrc/core/error.h"

namespace gibbslab {
namespace of_device_array {

constexpr int64_t kBytes = sizeof(float);

py::tuple shape_of(const DeviceArray& x) {
  if (x.ndim() == 1) return py::make_tuple(x.tensor().cols());
  return py::make_tuple(x.tensor().rows(), x.tensor().cols());
}

py::tuple strides_of(const DeviceArray& x) {
  if (x.ndim() == 1) return py::make_tuple(kBytes);
  return py::make_tuple(x.tensor().stride() * kBytes, kBytes);
}

py::array to_numpy(const DeviceArray& x) {
  return x.ndim() == 1 ? vector_from(x.tensor()) : array_from(x.tensor());
}

py::object as_array(const DeviceArray& x, const py::object& dtype, const py::object& copy) {
  if (!copy.is_none() && !copy.cast<bool>())
    throw py::value_error("[DeviceArray] an array of NumPy must be a copy, got copy=False");
  const py::object out = to_numpy(x);
  return dtype.is_none() ? out : out.attr("astype")(dtype, py::arg("copy") = false);
}

// Version 3: whoever reads it waits for our queue, whose number it gets.
py::dict cuda_array_interface(const DeviceArray& x) {
  x.keep_lease();
  py::dict out;
  out["version"] = 3;
  out["shape"] = shape_of(x);
  out["typestr"] = "<f4";
  out["data"] = py::make_tuple(reinterpret_cast<std::uintptr_t>(x.tensor().data()), !x.writeable());
  out["strides"] = x.contiguous() ? py::object(py::none()) : py::object(strides_of(x));
  out["stream"] = x.backend().memory.queue();
  return out;
}

// A row or rows, as NumPy's basic indexing by one slice; the step must be 1.
DeviceArray item(const DeviceArray& x, const py::slice& rows) {
  py::ssize_t start = 0, stop = 0, step = 0, length = 0;
  if (!rows.compute(x.tensor().rows(), &start, &stop, &step, &length))
    throw py::error_already_set();
  require(step == 1 && x.ndim() == 2, "DeviceArray",
          [] { return "only rows can be taken, x[begin:end] with a step of 1"; });
  return x.rows(start, start + length);
}

DeviceArray take(const DeviceArray& x, const IndexArray& rows) {
  const Context ctx(x.backend(), 0, 0);
  return {x.backend(), ops::gather(ctx, x.tensor(), rows.data(), rows.shape(0)).dense(), true};
}

py::array_t<float> column_sums(const DeviceArray& x) {
  const Context ctx(x.backend(), 0, 0);
  Tensor sums = ops::zeros(ctx, 1, x.tensor().cols());
  ops::column_sums(ctx, x.tensor(), 1.0f, false, sums);
  return vector_from(sums);
}

// x where mask (1 or B, N) is 1, else y; (B, N).
DeviceArray choose(const FloatArray& mask, const DeviceArray& x, const DeviceArray& y) {
  const Context ctx(x.backend(), 0, 0);
  States out = y.tensor();
  ops::overwrite(ctx, bits_from(ctx, mask, "choose", "mask"), x.tensor(), out);
  return {x.backend(), out.dense(), true};
}

using AnyFloats = py::array_t<float, py::array::c_style | py::array::forcecast>;

// Opens the device's plug-in where no model has done so yet.
DeviceArray from_numpy(const AnyFloats& x, const std::string& device) {
  const char* op = "DeviceArray.from_numpy";
  const py::object as_device = py::module_::import("gibbslab._devices").attr("as_device");
  const auto name = as_device(device, op).cast<std::string>();
  Backend& backend = backend_named(name);
  require(!backend.memory.on_host(), op,
          [&] { return "device must have a memory of its own, got '" + name + "'"; });
  require(x.ndim() == 1 || x.ndim() == 2, op,
          [&] { return "x must have 1 or 2 dimensions, got " + std::to_string(x.ndim()); });
  return {backend, tensor_view(FloatArray(x)).to(backend.memory), true, static_cast<int>(x.ndim())};
}

// Where a foreign matrix lies, checked; strides in elements.
void check_place(const Memory& memory, const ForeignMatrix& x, int64_t size,
                 const std::string& what) {
  const int64_t elements = x.rows == 0 ? 0 : (x.rows - 1) * x.stride + x.cols;
  if (reinterpret_cast<std::uintptr_t>(x.data) % static_cast<std::uintptr_t>(size) != 0 ||
      !memory.holds(x.data, elements * size))
    throw py::value_error(what + " must lie in the memory of the first CUDA device, aligned to " +
                          std::to_string(size) + " bytes");
}

// A foreign matrix as it lies. When the last use of it is queued and dropped, our queue is waited
// for: its owner may then do with it as it likes.
DeviceArray borrow(std::uintptr_t pointer, int64_t rows, int64_t cols, int64_t stride,
                   const py::object& owner, const std::optional<std::uintptr_t>& queue,
                   const std::string& device, const std::string& what) {
  Backend& backend = backend_named(device);
  const auto* data = reinterpret_cast<const float*>(pointer);
  check_place(backend.memory, {data, Element::kFloat64, rows, cols, stride}, kBytes, what);
  if (queue) backend.memory.wait_for(*queue);
  auto kept = kept_alive(owner);
  std::shared_ptr<const void> until_read(data, [kept, &backend](const void*) mutable {
    backend.memory.finish();
    kept.reset();
  });
  return {backend, Tensor::borrow(data, rows, cols, stride, until_read, backend.memory), false};
}

// A copy of a foreign matrix of another number type, as float32; its owner may then do with it as
// it likes.
DeviceArray convert(std::uintptr_t pointer, int64_t rows, int64_t cols, int64_t stride,
                    const std::string& element, const std::optional<std::uintptr_t>& queue,
                    const std::string& device, const std::string& what) {
  Backend& backend = backend_named(device);
  const ForeignMatrix x{reinterpret_cast<const void*>(pointer), element_named(element), rows, cols,
                        stride};
  check_place(backend.memory, x, bytes_of(x.element), what);
  py::gil_scoped_release release;
  if (queue) backend.memory.wait_for(*queue);
  const Tensor out = ops::converted(Context(backend, 0, 0), x);
  backend.memory.finish();
  return {backend, out, true};
}

std::string repr(const DeviceArray& x) {
  return "DeviceArray(shape=" + std::string(py::str(shape_of(x))) + ", dtype=float32, device='" +
         x.backend().name + "'" + (x.writeable() ? "" : ", writeable=False") + ")";
}

constexpr const char* kDoc = R"(A float32 array in a device's memory.

Models on ``device="cuda"`` return such arrays where they were given one, or an array of CuPy,
PyTorch, JAX, Numba or any other library that speaks ``__dlpack__`` or
``__cuda_array_interface__``. Given float32 is read where it lies; bool, uint8, signed integers,
float16, bfloat16 and float64 are converted on the device, each value rounded once. Those libraries
take results without a copy: ``cupy.asarray(x)``, ``torch.from_dlpack(x)``. NumPy takes a copy:
``x.to_numpy()`` or ``numpy.asarray(x)``.

Rows lie `strides[0]` bytes apart, which may be more than a row takes. Work on the device may still
be under way; both protocols make the reader wait for it.

Attributes
----------
shape : tuple of int
    (n, units), or (units,) for a bias.
strides : tuple of int
    In bytes.
ndim, size : int
    Number of dimensions and of values.
dtype : numpy.dtype
    float32.
device : str
    "cuda".
writeable : bool
    False for parameters of a model and for memory of another library; other libraries are told.
)";

void bind_attributes(py::class_<DeviceArray>& c) {
  c.def_property_readonly("shape", &shape_of)
      .def_property_readonly("strides", &strides_of)
      .def_property_readonly("ndim", &DeviceArray::ndim)
      .def_property_readonly("size", &DeviceArray::size)
      .def_property_readonly("dtype", [](const DeviceArray&) { return py::dtype::of<float>(); })
      .def_property_readonly("device", [](const DeviceArray& x) { return x.backend().name; })
      .def_property_readonly("writeable", &DeviceArray::writeable)
      .def("__len__", &DeviceArray::length)
      .def("__repr__", &repr)
      .def("__getitem__", &item, py::arg("rows"))
      .def("__array__", &as_array, py::arg("dtype") = py::none(), py::arg("copy") = py::none())
      .def("to_numpy", &to_numpy, "A new array of NumPy with these values.")
      .def("copy", &DeviceArray::copy, "A writeable array of its own, on the device.")
      .def("take", &take, py::arg("rows"), "The rows of these numbers, as a new array.")
      .def("column_sums", &column_sums, "The sum of every column, (units,), as an array of NumPy.")
      .def_static("from_numpy", &from_numpy, py::arg("x"), py::arg("device") = "cuda",
                  "A copy of an array on the device, as float32; 1 or 2 dimensions.");
}

}  // namespace of_device_array

void bind_device_array(py::module_& m) {
  using namespace of_device_array;
  py::class_<DeviceArray> c(m, "DeviceArray", kDoc);
  c.attr("__module__") = "gibbslab";
  bind_attributes(c);
  c.def_property_readonly("__cuda_array_interface__", &cuda_array_interface)
      .def("__dlpack__", &dlpack_capsule, py::kw_only(), py::arg("stream") = py::none(),
           py::arg("max_version") = py::none(), py::arg("dl_device") = py::none(),
           py::arg("copy") = py::none())
      .def("__dlpack_device__",
           [](const DeviceArray&) { return py::make_tuple(dlpack::kCuda, 0); });
  m.def(
      "all_finite",
      [](const DeviceArray& x) {
        py::gil_scoped_release release;
        return ops::all_finite(Context(x.backend(), 0, 0), x.tensor());
      },
      py::arg("x"), "Whether no value is infinite or NaN.");
  m.def(
      "all_binary",
      [](const DeviceArray& x) {
        py::gil_scoped_release release;
        return ops::packed_if_binary(Context(x.backend(), 0, 0), x.tensor()).binary();
      },
      py::arg("x"), "Whether every value is 0 or 1.");
  m.def("choose", &choose, py::arg("mask"), py::arg("x"), py::arg("y"),
        "x where the mask is 1, else y.");
  m.def("borrow", &borrow, py::arg("pointer"), py::arg("rows"), py::arg("cols"), py::arg("stride"),
        py::arg("owner"), py::arg("queue"), py::arg("device"), py::arg("what"),
        "Another library's float32 matrix on the device, as it lies; stride in floats.");
  m.def("convert", &convert, py::arg("pointer"), py::arg("rows"), py::arg("cols"),
        py::arg("stride"), py::arg("element"), py::arg("queue"), py::arg("device"), py::arg("what"),
        "A float32 copy of another library's matrix on the device; stride in elements.");
  m.attr("ELEMENTS") =
      py::tuple(py::cast(std::vector<std::string>(kElementNames.begin(), kElementNames.end())));
  m.def(
      "queue", [](const std::string& device) { return backend_named(device).memory.queue(); },
      py::arg("device"), "The number of the device's queue, as other libraries know it.");
  py::class_<DlpackArray>(m, "DlpackArray", "What a DLPack capsule holds, taken out of it.")
      .def(py::init<const py::capsule&>(), py::arg("capsule"))
      .def_property_readonly("pointer", &DlpackArray::pointer)
      .def_property_readonly("shape", &DlpackArray::shape)
      .def_property_readonly("strides", &DlpackArray::strides)
      .def_property_readonly("dtype", &DlpackArray::dtype);
}

}  // namespace gibbslab
