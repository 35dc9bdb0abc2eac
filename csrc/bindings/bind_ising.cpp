#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "csrc/bindings/bindings.h"
#include "csrc/bindings/devices.h"
#include "csrc/bindings/guard.h"
#include "csrc/bindings/numpy.h"
#include "csrc/core/error.h"
#include "csrc/models/ising.h"

namespace gibbslab {
namespace of_ising {

struct IsingHolder {
  Ising chains;
  std::atomic<bool> busy{false};
  explicit IsingHolder(Ising started) : chains(std::move(started)) {}
};

IsingStep step_named(const std::string& method) {
  if (method == "heat_bath") return IsingStep::kHeatBath;
  if (method == "wolff") return IsingStep::kWolff;
  require(method == "hybrid", "ising2d",
          [&] { return "method must be 'hybrid', 'wolff' or 'heat_bath', got '" + method + "'"; });
  return IsingStep::kHybrid;
}

std::unique_ptr<IsingHolder> make(int64_t size, const std::vector<double>& temperatures,
                                  const std::string& method, uint64_t seed, int n_threads) {
  const Context ctx = context_on("cpu", seed, n_threads);
  return std::make_unique<IsingHolder>(Ising(size, temperatures, step_named(method), ctx));
}

void advance(IsingHolder& self, int64_t steps) {
  const InUse guard(self.busy, "ising2d");
  py::gil_scoped_release release;
  self.chains.advance(steps);
}

FloatArray spins(IsingHolder& self) {
  const InUse guard(self.busy, "ising2d");
  FloatArray out({self.chains.chains(), self.chains.sites()});
  self.chains.read(out.mutable_data());
  return out;
}

void set_spins(IsingHolder& self, const FloatArray& spins) {
  const InUse guard(self.busy, "ising2d");
  require(spins.ndim() == 2 && spins.shape(0) == self.chains.chains() &&
              spins.shape(1) == self.chains.sites(),
          "ising2d", [] { return "spins must have one row per chain, one column per site"; });
  self.chains.write(spins.data());
}

}  // namespace of_ising

void bind_ising(py::module_& m) {
  using namespace of_ising;
  py::class_<IsingHolder>(m, "Ising", "Markov chains of the two-dimensional Ising model.")
      .def(py::init(&make), py::arg("size"), py::arg("temperatures"), py::arg("method"),
           py::arg("seed"), py::arg("n_threads") = 0)
      .def("advance", &advance, py::arg("steps"))
      .def_property("spins", &spins, &set_spins);
}

}  // namespace gibbslab
