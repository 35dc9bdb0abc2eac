#include "csrc/bindings/dlpack_import.h"

#include <cstring>
#include <string>

namespace gibbslab {
namespace {

py::tuple tuple_of(const int64_t* values, int32_t n) {
  py::tuple out(n);
  for (int32_t i = 0; i < n; ++i) out[static_cast<size_t>(i)] = values[i];
  return out;
}

}  // namespace

DlpackArray::DlpackArray(const py::capsule& capsule) {
  const char* name = capsule.name();
  if (name != nullptr && std::strcmp(name, "dltensor") == 0) {
    managed_ = capsule.get_pointer<dlpack::Managed>();
    PyCapsule_SetName(capsule.ptr(), "used_dltensor");
    return;
  }
  if (name == nullptr || std::strcmp(name, "dltensor_versioned") != 0)
    throw py::type_error("a DLPack capsule must be 'dltensor' or 'dltensor_versioned', got '" +
                         std::string(name == nullptr ? "" : name) + "'");
  auto* given = capsule.get_pointer<dlpack::Versioned>();
  if (given->major != 1)  // left in the capsule, which gives it back
    throw py::type_error("a DLPack array must be of version 1, got " +
                         std::to_string(given->major));
  versioned_ = given;
  PyCapsule_SetName(capsule.ptr(), "used_dltensor_versioned");
}

DlpackArray::~DlpackArray() {
  if (managed_ != nullptr && managed_->deleter != nullptr) managed_->deleter(managed_);
  if (versioned_ != nullptr && versioned_->deleter != nullptr) versioned_->deleter(versioned_);
}

std::uintptr_t DlpackArray::pointer() const {
  return reinterpret_cast<std::uintptr_t>(array().data) +
         static_cast<std::uintptr_t>(array().byte_offset);
}

py::tuple DlpackArray::shape() const { return tuple_of(array().shape, array().ndim); }

py::object DlpackArray::strides() const {
  if (array().strides == nullptr) return py::none();
  return tuple_of(array().strides, array().ndim);
}

py::tuple DlpackArray::dtype() const {
  const dlpack::DataType& type = array().dtype;
  return py::make_tuple(type.code, type.bits, type.lanes);
}

}  // namespace gibbslab
