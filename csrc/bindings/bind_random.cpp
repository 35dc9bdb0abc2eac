#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>

#include "csrc/bindings/bindings.h"
#include "csrc/bindings/devices.h"
#include "csrc/bindings/numpy.h"
#include "csrc/core/error.h"
#include "csrc/ops/backend.h"

namespace gibbslab {
namespace of_random {

using Words = std::array<uint32_t, 4>;

Words philox_words(const Words& counter, const std::array<uint32_t, 2>& key) {
  const auto join = [](uint32_t low, uint32_t high) {
    return static_cast<uint64_t>(high) << 32 | low;
  };
  const PhiloxWords out =
      philox(join(counter[0], counter[1]), join(counter[2], counter[3]), join(key[0], key[1]));
  return {out.w[0], out.w[1], out.w[2], out.w[3]};
}

py::array_t<float> uniform(int64_t rows, int64_t cols, uint64_t seed, uint64_t stream,
                           int64_t first_row, int n_threads, const std::string& device) {
  const Context ctx = context_on(device, seed, n_threads);
  Tensor out = ops::zeros(ctx, rows, cols);
  ops::uniform(ctx, {seed, stream, first_row}, out);
  return array_from(out);
}

py::array_t<float> normal(int64_t rows, int64_t cols, uint64_t seed, uint64_t stream,
                          int64_t first_row, int n_threads, const std::string& device) {
  const Context ctx = context_on(device, seed, n_threads);
  Tensor out = ops::zeros(ctx, rows, cols);
  ops::normal(ctx, {seed, stream, first_row}, 0.0f, 1.0f, out);
  return array_from(out);
}

IndexArray permutation(int64_t n, uint64_t seed, uint64_t draw) {
  require(n >= 0, "permutation", [&] { return "n must be at least 0, got " + std::to_string(n); });
  IndexArray out(n);
  ops::permutation({seed, stream_of(draw, Layer::kOrder), 0}, n, out.mutable_data());
  return out;
}

}  // namespace of_random

void bind_random(py::module_& m) {
  using namespace of_random;
  m.def("philox", &philox_words, py::arg("counter"), py::arg("key"),
        "The four words of Philox4x32-10 at a counter (4 words) under a key (2 words).");
  m.def("uniform", &uniform, py::arg("rows"), py::arg("cols"), py::arg("seed"), py::arg("stream"),
        py::arg("first_row") = 0, py::arg("n_threads") = 0, py::arg("device") = "cpu",
        "Uniforms in [0, 1), (rows, cols).");
  m.def("normal", &normal, py::arg("rows"), py::arg("cols"), py::arg("seed"), py::arg("stream"),
        py::arg("first_row") = 0, py::arg("n_threads") = 0, py::arg("device") = "cpu",
        "Standard normal deviates, (rows, cols).");
  m.def("permutation", &permutation, py::arg("n"), py::arg("seed"), py::arg("draw"),
        "A permutation of 0 ... n-1.");
}

}  // namespace gibbslab
