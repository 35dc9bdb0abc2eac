#include "csrc/bindings/dlpack_export.h"

#include <algorithm>
#include <utility>

#include "csrc/bindings/dlpack.h"

namespace gibbslab {
namespace {

// What a capsule points into; lives until its deleter is called, from any thread.
template <class Kind>
struct Exported {
  Kind managed{};
  int64_t shape[2] = {}, strides[2] = {};
  std::shared_ptr<const void> lease;

  explicit Exported(const DeviceArray& x) : lease(x.lease()) {
    const Tensor& t = x.tensor();
    const int first = 2 - x.ndim();  // a vector has the last dimension alone
    const int64_t sizes[2] = {t.rows(), t.cols()}, steps[2] = {t.stride(), 1};
    std::copy(sizes + first, sizes + 2, shape);
    std::copy(steps + first, steps + 2, strides);
    auto* data = const_cast<float*>(t.data());
    managed.array = {data, {dlpack::kCuda, 0}, x.ndim(), {dlpack::kFloat, 32, 1}, shape, strides,
                     0};
    managed.context = this;
    managed.deleter = [](Kind* m) { delete static_cast<Exported*>(m->context); };
  }
};

// A capsule that nobody took the array out of gives it back when it goes.
template <class Kind, const char* kName>
void drop(PyObject* capsule) {
  if (!PyCapsule_IsValid(capsule, kName)) return;
  auto* managed = static_cast<Kind*>(PyCapsule_GetPointer(capsule, kName));
  managed->deleter(managed);
}

constexpr char kPlain[] = "dltensor", kVersioned[] = "dltensor_versioned";

template <class Kind, const char* kName>
py::object capsule_of(Exported<Kind>* exported) {
  PyObject* capsule = PyCapsule_New(&exported->managed, kName, &drop<Kind, kName>);
  if (capsule == nullptr) {
    delete exported;
    throw py::error_already_set();
  }
  return py::reinterpret_steal<py::object>(capsule);
}

// The number that `stream` stands for, or nothing where the reader needs no order.
std::optional<std::uintptr_t> reader_queue(const py::object& stream) {
  constexpr std::uintptr_t kLegacyDefault = 1;
  if (stream.is_none()) return kLegacyDefault;
  if (!py::isinstance<py::int_>(stream) || py::isinstance<py::bool_>(stream))
    throw py::type_error("[DeviceArray.__dlpack__] stream must be an integer or None, got " +
                         std::string(py::repr(stream)));
  const auto number = stream.cast<int64_t>();
  if (number == -1) return std::nullopt;
  if (number <= 0)
    throw py::value_error(
        "[DeviceArray.__dlpack__] stream must be -1, 1, 2 or the number of a CUDA stream, got " +
        std::to_string(number));
  return static_cast<std::uintptr_t>(number);
}

void check_device(const py::object& dl_device) {
  if (dl_device.is_none()) return;
  const auto wanted = dl_device.cast<std::pair<int32_t, int32_t>>();
  if (wanted.first != dlpack::kCuda || wanted.second != 0)
    throw py::buffer_error("[DeviceArray.__dlpack__] dl_device must be (2, 0), got (" +
                           std::to_string(wanted.first) + ", " + std::to_string(wanted.second) +
                           "); to_numpy() copies to the host");
}

bool takes_versions(const py::object& max_version) {
  return !max_version.is_none() && max_version.cast<std::pair<int, int>>().first >= 1;
}

}  // namespace

py::object dlpack_capsule(const DeviceArray& x, const py::object& stream,
                          const py::object& max_version, const py::object& dl_device,
                          const py::object& copy) {
  const std::optional<std::uintptr_t> queue = reader_queue(stream);
  check_device(dl_device);
  const bool copied = !copy.is_none() && copy.cast<bool>(), versioned = takes_versions(max_version);
  if (!versioned && !copied && !x.writeable())
    throw py::buffer_error(
        "[DeviceArray.__dlpack__] a read-only array needs max_version=(1, 0), or copy=True");
  const DeviceArray given = copied ? x.copy() : x;
  if (queue) given.backend().memory.let_wait(*queue);
  if (!versioned) return capsule_of<dlpack::Managed, kPlain>(new Exported<dlpack::Managed>(given));
  auto* exported = new Exported<dlpack::Versioned>(given);
  exported->managed.major = 1;
  exported->managed.flags =
      (given.writeable() ? 0 : dlpack::kReadOnly) | (copied ? dlpack::kIsCopied : 0);
  return capsule_of<dlpack::Versioned, kVersioned>(exported);
}

}  // namespace gibbslab
