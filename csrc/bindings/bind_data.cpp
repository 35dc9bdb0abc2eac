#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "csrc/bindings/bindings.h"
#include "csrc/bindings/device_array.h"
#include "csrc/bindings/devices.h"
#include "csrc/core/error.h"
#include "csrc/models/labels.h"
#include "csrc/ops/backend.h"

namespace gibbslab {
namespace of_data {

using Index32 = py::array_t<int32_t, py::array::c_style>;

std::unique_ptr<Dataset> dense_dataset(const Batch& x, const std::string& device) {
  const Context ctx = context_on(device, 0, 1);
  return std::make_unique<Dataset>(ctx, tensor_view(ctx, x));
}

void check_csr(const IndexArray& starts, const Index32& columns, int64_t entries, int64_t cols) {
  const int64_t rows = starts.shape(0) - 1;
  require(
      rows >= 0 && starts.at(0) == 0 && starts.at(rows) == entries && columns.shape(0) == entries,
      "Dataset", [&] { return "starts, columns and values do not describe one CSR matrix"; });
  for (int64_t r = 0; r < rows; ++r)
    require(starts.at(r) <= starts.at(r + 1), "Dataset", [&] { return "starts must not fall"; });
  for (int64_t k = 0; k < entries; ++k)
    require(0 <= columns.at(k) && columns.at(k) < cols, "Dataset",
            [&] { return "columns must lie in 0 ... cols - 1"; });
}

std::unique_ptr<Dataset> csr_dataset(const IndexArray& starts, const Index32& columns,
                                     const FloatArray& values, int64_t cols,
                                     const std::string& device) {
  check_csr(starts, columns, values.shape(0), cols);
  Csr csr{starts.data(),       columns.data(), values.data(),
          starts.shape(0) - 1, cols,           kept_alive(py::make_tuple(starts, columns, values))};
  return std::make_unique<Dataset>(context_on(device, 0, 1), std::move(csr));
}

}  // namespace of_data

void bind_data(py::module_& m) {
  using namespace of_data;
  py::class_<Dataset>(m, "Dataset", "Rows to train on; binary data are packed to bits.")
      .def(py::init(&dense_dataset), py::arg("x"), py::arg("device") = "cpu")
      .def_static("from_csr", &csr_dataset, py::arg("starts"), py::arg("columns"),
                  py::arg("values"), py::arg("cols"), py::arg("device") = "cpu")
      .def_property_readonly("rows", &Dataset::rows)
      .def_property_readonly("cols", &Dataset::cols)
      .def_property_readonly("binary", &Dataset::binary);
  py::class_<LabelledDataset>(m, "LabelledDataset", "Rows and their labels, 0 ... K - 1.")
      .def(py::init([](const Dataset& data, const std::vector<int64_t>& labels) {
             return std::make_unique<LabelledDataset>(LabelledDataset{data, labels});
           }),
           py::arg("data"), py::arg("labels"))
      .def_property_readonly("rows", [](const LabelledDataset& d) { return d.data.rows(); });
}

}  // namespace gibbslab
