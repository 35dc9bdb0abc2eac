// The receiving end of DLPack.
#pragma once

#include <pybind11/pybind11.h>

#include <utility>
#include <vector>

#include "csrc/bindings/dlpack.h"

namespace gibbslab {

namespace py = pybind11;

// Takes the array out of a capsule and returns it to its producer when it goes. Only Python owns
// one, so that this happens with the GIL held.
class DlpackArray {
 public:
  // TypeError for a capsule that holds no array any more, or of a version that is not known.
  explicit DlpackArray(const py::capsule& capsule);
  ~DlpackArray();
  DlpackArray(const DlpackArray&) = delete;
  DlpackArray& operator=(const DlpackArray&) = delete;

  std::uintptr_t pointer() const;
  py::tuple shape() const;
  // In elements; None stands for C order.
  py::object strides() const;
  // Kind, bits and lanes: float32 is (2, 32, 1).
  py::tuple dtype() const;

 private:
  const dlpack::Array& array() const {
    return versioned_ != nullptr ? versioned_->array : managed_->array;
  }

  dlpack::Managed* managed_ = nullptr;
  dlpack::Versioned* versioned_ = nullptr;
};

}  // namespace gibbslab
