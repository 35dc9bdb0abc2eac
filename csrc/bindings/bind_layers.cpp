// Layers of images, on variables. As in bind_nn.cpp, the lock of Python is kept.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <optional>
#include <string>

#include "csrc/bindings/bind_nn.h"
#include "csrc/bindings/bindings.h"
#include "csrc/nn/conv_norm.h"
#include "csrc/nn/convolution.h"
#include "csrc/nn/normalisation.h"
#include "csrc/nn/upsample.h"

namespace gibbslab::nn {
namespace of_layers {

namespace py = pybind11;
using Pair = std::array<int64_t, 2>;
using Triple = std::array<int64_t, 3>;

ConvGeometry geometry(const Triple& image, const Triple& out, const Pair& kernel,
                      const Pair& stride, const Pair& corner) {
  return {image[0],  image[1],  image[2],  out[0],    out[1],    out[2],
          kernel[0], kernel[1], stride[0], stride[1], corner[0], corner[1]};
}

Variable convolution_of(const ConvGeometry& g, const Variable& x, const Variable& weight,
                        const OptionalVariable& bias, bool transposed, const std::string& function,
                        float alpha, bool plain) {
  const ConvLayer layer{g, transposed, function_named(function, alpha)};
  return plain ? plain_convolution(layer, x, weight, or_none(bias))
               : convolution(layer, x, weight, or_none(bias));
}

void bind_convolution(py::module_& m) {
  py::class_<ConvGeometry>(m, "ConvGeometry", "Which images a convolution takes to which.")
      .def(py::init(&geometry), py::arg("image"), py::arg("out"), py::arg("kernel"),
           py::arg("stride"), py::arg("corner"),
           "(rows, columns, channels) twice, (rows, columns) twice, (top, left) of the padding.");
  m.def("convolution", &convolution_of, py::arg("geometry"), py::arg("x"), py::arg("weight"),
        py::arg("bias") = py::none(), py::arg("transposed") = false,
        py::arg("function") = "identity", py::arg("alpha") = 0.0f, py::arg("plain") = false);
  m.def("conv_weight", &conv_weight, py::arg("geometry"), py::arg("y"), py::arg("x"),
        "The gradient of the sum of y * convolution by the weight.");
  m.def("swap_axes", &swap_axes, py::arg("x"), py::arg("rows"), py::arg("cols"));
}

Variable norm_of(const Variable& x, const Variable& mean, const Variable& variance,
                 const OptionalVariable& gamma, const OptionalVariable& beta, bool of_batch,
                 double epsilon, const std::string& function, float alpha, bool plain) {
  const NormLayer layer{static_cast<float>(epsilon), function_named(function, alpha)};
  const NormParameters parameters{or_none(gamma), or_none(beta)};
  const Moments moments{mean, variance};
  if (plain) return plain_norm(layer, x, parameters, of_batch ? Moments{} : moments, mean.cols());
  return (of_batch ? batch_norm : fixed_norm)(layer, x, parameters, moments);
}

void bind_normalisation(py::module_& m) {
  m.def(
      "channel_moments",
      [](const Variable& x, int64_t channels) {
        const Moments found = channel_moments(x, channels);
        return py::make_tuple(found.mean, found.variance);
      },
      py::arg("x"), py::arg("channels"), "Means and variances, as constants.");
  m.def("batch_norm", &norm_of, py::arg("x"), py::arg("mean"), py::arg("variance"),
        py::arg("gamma") = py::none(), py::arg("beta") = py::none(), py::arg("of_batch") = true,
        py::arg("epsilon") = 1e-5, py::arg("function") = "identity", py::arg("alpha") = 0.0f,
        py::arg("plain") = false, "With moments that are those of x, or constants.");
}

// The result with the means and variances that it is normalised with.
py::tuple conv_norm_of(const ConvGeometry& g, const Variable& x, const Variable& weight,
                       const OptionalVariable& bias, const OptionalVariable& mean,
                       const OptionalVariable& variance, const OptionalVariable& gamma,
                       const OptionalVariable& beta, bool transposed, double epsilon,
                       const std::string& function, float alpha, bool plain) {
  const ConvLayer layer{g, transposed, function_named(function, alpha)};
  const NormParameters parameters{or_none(gamma), or_none(beta)};
  Moments moments{or_none(mean), or_none(variance)};
  const auto eps = static_cast<float>(epsilon);
  const Variable out =
      plain ? plain_conv_norm(layer, x, weight, or_none(bias), eps, parameters, moments)
            : conv_norm(layer, x, weight, or_none(bias), eps, parameters, moments);
  return py::make_tuple(out, moments.mean, moments.variance);
}

void bind_conv_norm(py::module_& m) {
  m.def("conv_norm", &conv_norm_of, py::arg("geometry"), py::arg("x"), py::arg("weight"),
        py::arg("bias") = py::none(), py::arg("mean") = py::none(),
        py::arg("variance") = py::none(), py::arg("gamma") = py::none(),
        py::arg("beta") = py::none(), py::arg("transposed") = false, py::arg("epsilon") = 1e-5,
        py::arg("function") = "identity", py::arg("alpha") = 0.0f, py::arg("plain") = false,
        "A convolution, normalised, with its moments; without them, by those of the batch.");
}

void bind_upsampling(py::module_& m) {
  m.def(
      "upsample",
      [](const Variable& x, const Triple& image, const Pair& factor, bool bilinear,
         bool transposed) {
        const Enlargement g{image[0], image[1], image[2], factor[0], factor[1], bilinear};
        return transposed ? upsample_transposed(g, x) : upsample(g, x);
      },
      py::arg("x"), py::arg("image"), py::arg("factor"), py::arg("bilinear"),
      py::arg("transposed") = false, "(rows, columns, channels), (rows, columns).");
}

}  // namespace of_layers
}  // namespace gibbslab::nn

namespace gibbslab {

void bind_layers(pybind11::module_& m) {
  nn::of_layers::bind_convolution(m);
  nn::of_layers::bind_normalisation(m);
  nn::of_layers::bind_conv_norm(m);
  nn::of_layers::bind_upsampling(m);
}

}  // namespace gibbslab
