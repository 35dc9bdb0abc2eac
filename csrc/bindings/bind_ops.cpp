// The ops themselves, for the tests that compare each with its NumPy reference.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <optional>

#include "csrc/bindings/bindings.h"
#include "csrc/bindings/device_array.h"
#include "csrc/bindings/devices.h"
#include "csrc/bindings/numpy.h"
#include "csrc/core/error.h"
#include "csrc/ops/backend.h"

namespace gibbslab {
namespace of_plain_ops {

py::array_t<float> sigmoid(const FloatArray& x, int n_threads, const std::string& device) {
  const Context ctx = context_on(device, 0, n_threads);
  const Tensor input = tensor_from(ctx, x);
  Tensor out = ops::zeros(ctx, input.rows(), input.cols());
  ops::sigmoid(ctx, input, out);
  return array_from(out);
}

py::array_t<float> bernoulli(const FloatArray& p, uint64_t seed, uint64_t stream, int64_t first_row,
                             int n_threads, const std::string& device) {
  const Context ctx = context_on(device, 0, n_threads);
  const Tensor input = tensor_from(ctx, p);
  BitTensor out = ops::zero_bits(ctx, input.rows(), input.cols());
  ops::bernoulli(ctx, input, {seed, stream, first_row}, out);
  return array_from(out);
}

py::array_t<float> matmul(const FloatArray& a, bool ta, const FloatArray& b, bool tb, int n_threads,
                          const std::string& device) {
  const Context ctx = context_on(device, 0, n_threads);
  const Tensor x = tensor_from(ctx, a), y = tensor_from(ctx, b);
  Tensor out = ops::zeros(ctx, ta ? x.cols() : x.rows(), tb ? y.rows() : y.cols());
  ops::matmul(ctx, x, ta, y, tb, 1.0f, 0.0f, out);
  return array_from(out);
}

py::array_t<float> transpose(const FloatArray& x, int n_threads, const std::string& device) {
  const Context ctx = context_on(device, 0, n_threads);
  const Tensor input = tensor_from(ctx, x);
  Tensor out = ops::zeros(ctx, input.cols(), input.rows());
  ops::transpose(ctx, input, out);
  return array_from(out);
}

py::tuple activate_rows(const FloatArray& pre, const FloatArray& scales, uint64_t seed,
                        uint64_t stream, int64_t first_row, int n_threads,
                        const std::string& device) {
  const Context ctx = context_on(device, 0, n_threads);
  const Tensor input = tensor_from(ctx, pre);
  Tensor mean = ops::zeros(ctx, input.rows(), input.cols());
  BitTensor sample = ops::zero_bits(ctx, input.rows(), input.cols());
  ops::activate_rows(ctx, input, tensor_from(ctx, scales), {seed, stream, first_row}, &mean,
                     &sample);
  return py::make_tuple(array_from(mean), array_from(sample));
}

py::array_t<double> weighted_sums(const FloatArray& x, const FloatArray& weights, double scale,
                                  int n_threads, const std::string& device) {
  const Context ctx = context_on(device, 0, n_threads);
  const States input = states_from(ctx, x);
  std::vector<double> out(static_cast<size_t>(input.rows()), 0.0);
  ops::weighted_sums(ctx, input, tensor_from(ctx, weights), scale, out.data());
  return array_from(out);
}

py::tuple half_step(const FloatArray& x, const FloatArray& w, const FloatArray& bias, bool up,
                    float scale, uint64_t seed, uint64_t stream, int64_t first_row, bool dense,
                    const std::optional<FloatArray>& added, int n_threads,
                    const std::string& device) {
  const Context ctx = context_on(device, 0, n_threads);
  const States input = dense ? States(tensor_from(ctx, x)) : states_from(ctx, x);
  const Weights weights(tensor_from(ctx, w));
  const Tensor b = tensor_from(ctx, bias);
  Tensor pre = ops::zeros(ctx, input.rows(), b.cols()), mean = pre.clone();
  BitTensor sample = ops::zero_bits(ctx, input.rows(), b.cols());
  const Tensor more = added ? tensor_from(ctx, *added) : Tensor();
  ops::half_step(ctx, {&input,
                       &weights,
                       &b,
                       up ? Direction::kUp : Direction::kDown,
                       scale,
                       {seed, stream, first_row},
                       &pre,
                       &mean,
                       &sample,
                       added ? &more : nullptr});
  return py::make_tuple(array_from(pre), array_from(mean), array_from(sample));
}

py::array_t<float> cd_statistics(const FloatArray& v0, const FloatArray& h0, const FloatArray& v1,
                                 const FloatArray& h1, float positive, float negative, bool dense,
                                 int n_threads, const std::string& device) {
  const Context ctx = context_on(device, 0, n_threads);
  const auto convert = [&](const FloatArray& x) {
    return dense ? States(tensor_from(ctx, x)) : states_from(ctx, x);
  };
  const States a = convert(v0), b = convert(h0), c = convert(v1), d = convert(h1);
  Tensor out = ops::zeros(ctx, a.cols(), b.cols());
  ops::cd_statistics(ctx, {&a, &b, &c, &d, positive, negative}, out);
  return array_from(out);
}

py::array_t<double> softplus_difference(const FloatArray& x, float low, float high, int n_threads,
                                        const std::string& device) {
  const Context ctx = context_on(device, 0, n_threads);
  const Tensor input = tensor_from(ctx, x);
  std::vector<double> out(static_cast<size_t>(input.rows()), 0.0);
  ops::softplus_difference(ctx, input, low, high, out.data());
  return array_from(out);
}

py::array_t<float> column_sums(const FloatArray& x, float scale, int n_threads,
                               const std::string& device) {
  const Context ctx = context_on(device, 0, n_threads);
  const States input = states_from(ctx, x);
  Tensor out = ops::zeros(ctx, 1, input.cols());
  ops::column_sums(ctx, input, scale, false, out);
  return vector_from(out);
}

py::array_t<double> largest_differences(const FloatArray& x, const FloatArray& y, int n_threads,
                                        const std::string& device) {
  const Context ctx = context_on(device, 0, n_threads);
  const Tensor a = tensor_from(ctx, x), b = tensor_from(ctx, y);
  std::vector<double> out(static_cast<size_t>(a.rows()));
  ops::largest_differences(ctx, a, b, out.data());
  return array_from(out);
}

// Of each layer x, start, last and change; and as they are afterwards.
py::list extrapolate(const std::vector<std::array<FloatArray, 4>>& layers, int n_threads,
                     const std::string& device) {
  const Context ctx = context_on(device, 0, n_threads);
  std::vector<std::array<Tensor, 4>> held(layers.size());
  Extrapolation job;
  for (size_t l = 0; l < layers.size(); ++l) {
    for (size_t i = 0; i < 4; ++i) held[l][i] = tensor_from(ctx, layers[l][i]).clone();
    job.push_back({&held[l][0], &held[l][1], &held[l][2], &held[l][3]});
  }
  ops::extrapolate(ctx, job);
  py::list out;
  for (const std::array<Tensor, 4>& layer : held)
    out.append(py::make_tuple(array_from(layer[0]), array_from(layer[1]), array_from(layer[2]),
                              array_from(layer[3])));
  return out;
}

// Rows of raw bytes, read as elements of the named type.
py::array_t<float> converted(const py::array_t<uint8_t, py::array::c_style>& bytes,
                             const std::string& element, int64_t cols, const std::string& device) {
  const Context ctx = context_on(device);
  const int64_t rows = bytes.shape(0), row = bytes.shape(1);
  Memory& memory = ctx.backend().memory;
  const std::shared_ptr<void> there = memory.allocate(rows * row);
  memory.copy({there.get(), row, bytes.data(), row, row, rows, Transfer::kFromHost});
  const Element type = element_named(element);
  return array_from(ops::converted(ctx, {there.get(), type, rows, cols, row / bytes_of(type)}));
}

bool all_finite(const FloatArray& x, int n_threads, const std::string& device) {
  const Context ctx = context_on(device, 0, n_threads);
  return ops::all_finite(ctx, tensor_from(ctx, x));
}

py::tuple update(const FloatArray& w, const FloatArray& g, const FloatArray& velocity,
                 float learning_rate, float momentum, float l1, float l2,
                 const std::string& device) {
  const Context ctx = context_on(device);
  const Tensor weight = tensor_from(ctx, w), gradient = tensor_from(ctx, g),
               old = tensor_from(ctx, velocity);
  Tensor new_w = ops::zeros(ctx, weight.rows(), weight.cols()), new_v = new_w.clone();
  Update job;
  job.weight = &weight;
  job.gradient = &gradient;
  job.velocity = &old;
  job.new_weight = &new_w;
  job.new_velocity = &new_v;
  job.learning_rate = learning_rate;
  job.momentum = momentum;
  job.l1 = l1;
  job.l2 = l2;
  const bool finite = ops::update(ctx, job);
  return py::make_tuple(finite, array_from(new_w), array_from(new_v));
}

}  // namespace of_plain_ops

void bind_ops(py::module_& m) {
  using namespace of_plain_ops;
  py::module_ ops = m.def_submodule("ops", "The operations, one call each, for tests.");
  const auto threads = py::arg("n_threads") = 0;
  const auto device = py::arg("device") = "cpu";
  ops.def("sigmoid", &sigmoid, py::arg("x"), threads, device);
  ops.def("bernoulli", &bernoulli, py::arg("p"), py::arg("seed"), py::arg("stream"),
          py::arg("first_row") = 0, threads, device);
  ops.def("matmul", &matmul, py::arg("a"), py::arg("ta"), py::arg("b"), py::arg("tb"), threads,
          device);
  ops.def("transpose", &transpose, py::arg("x"), threads, device);
  ops.def("half_step", &half_step, py::arg("x"), py::arg("w"), py::arg("bias"), py::arg("up"),
          py::arg("scale") = 1.0f, py::arg("seed") = 0, py::arg("stream") = 0,
          py::arg("first_row") = 0, py::arg("dense") = false, py::arg("added") = py::none(),
          threads, device);
  ops.def("activate_rows", &activate_rows, py::arg("pre"), py::arg("scales"), py::arg("seed"),
          py::arg("stream"), py::arg("first_row") = 0, threads, device);
  ops.def("cd_statistics", &cd_statistics, py::arg("v0"), py::arg("h0"), py::arg("v1"),
          py::arg("h1"), py::arg("positive") = 1.0f, py::arg("negative") = 1.0f,
          py::arg("dense") = false, threads, device);
  ops.def("softplus_difference", &softplus_difference, py::arg("x"), py::arg("low"),
          py::arg("high"), threads, device);
  ops.def("weighted_sums", &weighted_sums, py::arg("x"), py::arg("weights"), py::arg("scale") = 1.0,
          threads, device);
  ops.def("column_sums", &column_sums, py::arg("x"), py::arg("scale") = 1.0f, threads, device);
  ops.def("largest_differences", &largest_differences, py::arg("x"), py::arg("y"), threads, device);
  ops.def("extrapolate", &extrapolate, py::arg("layers"), threads, device);
  ops.def("all_finite", &all_finite, py::arg("x"), threads, device);
  ops.def("converted", &converted, py::arg("bytes"), py::arg("element"), py::arg("cols"), device);
  ops.def("update", &update, py::arg("w"), py::arg("g"), py::arg("velocity"),
          py::arg("learning_rate"), py::arg("momentum") = 0.0f, py::arg("l1") = 0.0f,
          py::arg("l2") = 0.0f, device);
}

}  // namespace gibbslab
