// An array where a device computes, as other libraries and NumPy see it; and what models take.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "csrc/bindings/numpy.h"
#include "csrc/ops/backend.h"

namespace gibbslab {

class DeviceArray {
 public:
  // `ndim` is 2, or 1 for a tensor of one row that is seen as a vector.
  DeviceArray(Backend& backend, Tensor tensor, bool writeable, int ndim = 2)
      : backend_(&backend), tensor_(std::move(tensor)), writeable_(writeable), ndim_(ndim) {}

  Backend& backend() const { return *backend_; }
  const Tensor& tensor() const { return tensor_; }
  bool writeable() const { return writeable_; }
  int ndim() const { return ndim_; }
  int64_t size() const { return tensor_.rows() * tensor_.cols(); }
  int64_t length() const { return ndim_ == 1 ? tensor_.cols() : tensor_.rows(); }
  bool contiguous() const { return tensor_.rows() <= 1 || tensor_.stride() == tensor_.cols(); }

  // Rows [begin, end) as a view.
  DeviceArray rows(int64_t begin, int64_t end) const;
  // A writeable array of its own.
  DeviceArray copy() const;

  // A handle on the storage for other libraries: when the last one goes, all queues of the device
  // are waited for, because the block may serve another request from then on.
  std::shared_ptr<const void> lease() const;
  // A lease that goes with this object, for readers that keep it alive.
  void keep_lease() const {
    if (lease_ == nullptr) lease_ = lease();
  }

 private:
  Backend* backend_;
  Tensor tensor_;
  bool writeable_;
  int ndim_;
  mutable std::shared_ptr<const void> lease_;  // last, so that it goes first
};

// The number type of this name; TypeError where it is none that can be converted.
Element element_named(const std::string& name);

// What a model's method takes: an array of NumPy, or one that lies where the model computes.
using Batch = std::variant<FloatArray, const DeviceArray*>;

// See numpy.h. A device array is used as it lies; ValueError where the context computes elsewhere.
Tensor tensor_view(const Context& ctx, const Batch& batch);
States states_from(const Context& ctx, const Batch& batch);
BitTensor bits_from(const Context& ctx, const Batch& batch, const char* op, const char* name);
// A tensor that nothing else writes to, padded, where `ctx` computes.
Tensor tensor_from(const Context& ctx, const Batch& batch);

// A result of the kind of `like`: a new array of NumPy, or a device array.
py::object result_like(const Batch& like, const Context& ctx, const Tensor& x);
py::object result_like(const Batch& like, const Context& ctx, const BitTensor& x);
py::object result_like(const Batch& like, const Context& ctx, const States& x);

}  // namespace gibbslab
