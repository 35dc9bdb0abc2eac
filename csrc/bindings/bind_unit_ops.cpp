// The ops of unit layers, for the tests that compare each with its NumPy reference.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>

#include "csrc/bindings/bindings.h"
#include "csrc/bindings/devices.h"
#include "csrc/bindings/numpy.h"
#include "csrc/ops/backend.h"

namespace gibbslab {

namespace of_unit_ops {

// What the ops take, with the tensors that it points to.
struct Layer {
  Tensor product, bias, variance;
  Units units;
  UnitInput input;
};

using Optional = std::optional<FloatArray>;

Layer layer(const Context& ctx, const UnitType& type, const FloatArray& product,
            const FloatArray& bias, const Optional& variance, double scale, double bias_scale) {
  Layer out;
  out.product = tensor_from(ctx, product);
  out.bias = tensor_from(ctx, bias);
  if (variance) out.variance = tensor_from(ctx, *variance);
  out.units.type = type;
  out.input.scale = scale;
  out.input.bias_scale = bias_scale;
  return out;
}

// Pointers into a Layer that will move no more.
void connect(Layer& layer) {
  if (!layer.variance.empty()) layer.units.variance = &layer.variance;
  layer.input.product = &layer.product;
  layer.input.bias = &layer.bias;
}

py::tuple activate(const UnitType& type, const FloatArray& product, const FloatArray& bias,
                   const Optional& variance, double scale, double bias_scale, uint64_t seed,
                   uint64_t stream, int64_t first_row, int n_threads, const std::string& device) {
  const Context ctx = context_on(device, 0, n_threads);
  Layer at = layer(ctx, type, product, bias, variance, scale, bias_scale);
  connect(at);
  Tensor mean = ops::zeros(ctx, at.product.rows(), at.product.cols()), sample = mean.clone();
  ops::activate_units(ctx, at.units, at.input, {seed, stream, first_row}, &mean, &sample);
  return py::make_tuple(array_from(mean), array_from(sample));
}

py::array_t<double> log_normaliser(const UnitType& type, const FloatArray& product,
                                   const FloatArray& bias, const Optional& variance, double scale,
                                   double bias_scale, double factor, int n_threads,
                                   const std::string& device) {
  const Context ctx = context_on(device, 0, n_threads);
  Layer at = layer(ctx, type, product, bias, variance, scale, bias_scale);
  connect(at);
  std::vector<double> out(static_cast<size_t>(at.product.rows()), 0.0);
  ops::units_log_normaliser(ctx, at.units, at.input, factor, out.data());
  return array_from(out);
}

py::array_t<double> log_base(const UnitType& type, const FloatArray& x, const Optional& variance,
                             double factor, int n_threads, const std::string& device) {
  const Context ctx = context_on(device, 0, n_threads);
  Layer at = layer(ctx, type, x, x, variance, 1.0, 1.0);
  connect(at);
  std::vector<double> out(static_cast<size_t>(at.product.rows()), 0.0);
  ops::units_log_base(ctx, at.units, at.product, factor, out.data());
  return array_from(out);
}

py::array_t<double> row_dots(const FloatArray& x, const FloatArray& y, double factor, int n_threads,
                             const std::string& device) {
  const Context ctx = context_on(device, 0, n_threads);
  const Tensor a = tensor_from(ctx, x), b = tensor_from(ctx, y);
  std::vector<double> out(static_cast<size_t>(a.rows()), 0.0);
  ops::row_dots(ctx, a, b, factor, out.data());
  return array_from(out);
}

py::array_t<float> column_dots(const FloatArray& x, const FloatArray& y,
                               const std::string& device) {
  const Context ctx = context_on(device);
  const Tensor a = tensor_from(ctx, x), b = tensor_from(ctx, y);
  Tensor out = ops::zeros(ctx, 1, a.cols());
  ops::column_dots(ctx, a, b, out);
  return vector_from(out);
}

py::array_t<float> divide_by(const FloatArray& x, const Optional& rows, const Optional& cols,
                             const std::string& device) {
  const Context ctx = context_on(device);
  const Tensor a = tensor_from(ctx, x);
  Tensor by_row, by_column;
  if (rows) by_row = tensor_from(ctx, *rows);
  if (cols) by_column = tensor_from(ctx, *cols);
  Tensor out = ops::zeros(ctx, a.rows(), a.cols());
  ops::divide_by(ctx, a, rows ? &by_row : nullptr, cols ? &by_column : nullptr, out);
  return array_from(out);
}

}  // namespace of_unit_ops

void bind_unit_ops(py::module_& m) {
  using namespace of_unit_ops;
  py::module_ ops = m.attr("ops");
  const auto threads = py::arg("n_threads") = 0;
  const auto device = py::arg("device") = "cpu";
  const auto variance = py::arg("variance") = py::none();
  const auto scale = py::arg("scale") = 1.0, bias_scale = py::arg("bias_scale") = 1.0;
  const auto factor = py::arg("factor") = 1.0;
  ops.def("activate_units", &activate, py::arg("type"), py::arg("product"), py::arg("bias"),
          variance, scale, bias_scale, py::arg("seed") = 0, py::arg("stream") = 0,
          py::arg("first_row") = 0, threads, device);
  ops.def("units_log_normaliser", &log_normaliser, py::arg("type"), py::arg("product"),
          py::arg("bias"), variance, scale, bias_scale, factor, threads, device);
  ops.def("units_log_base", &log_base, py::arg("type"), py::arg("x"), variance, factor, threads,
          device);
  ops.def("row_dots", &row_dots, py::arg("x"), py::arg("y"), factor, threads, device);
  ops.def("column_dots", &column_dots, py::arg("x"), py::arg("y"), device);
  ops.def("divide_by", &divide_by, py::arg("x"), py::arg("rows") = py::none(),
          py::arg("cols") = py::none(), device);
}

}  // namespace gibbslab
