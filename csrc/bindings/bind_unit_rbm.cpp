#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <atomic>
#include <optional>
#include <utility>

#include "csrc/bindings/bindings.h"
#include "csrc/bindings/device_array.h"
#include "csrc/bindings/devices.h"
#include "csrc/bindings/guard.h"
#include "csrc/core/error.h"
#include "csrc/models/unit_ais.h"
#include "csrc/models/unit_rbm.h"

namespace gibbslab {
namespace of_unit_rbm {

// `count` as in UnitType.
UnitType unit_type(const std::string& kind, int64_t count, bool noisy) {
  constexpr std::array<const char*, 6> kNames{"bernoulli", "spin",     "categorical",
                                              "binomial",  "gaussian", "rectified"};
  for (size_t i = 0; i < kNames.size(); ++i)
    if (kind == kNames[i]) return {static_cast<UnitKind>(i), count, noisy, 1.0};
  throw ShapeError("[units] kind must name a unit type, got '" + kind + "'");
}

// Runs `body` on the model with the GIL released and other threads kept out.
template <class Body>
auto exclusive(UnitRbmHolder& self, const char* what, const Body& body) {
  const InUse guard(self.busy, what);
  py::gil_scoped_release release;
  return body(self.rbm);
}

std::unique_ptr<UnitRbmHolder> make(int64_t visible_size, int64_t hidden_size,
                                    const UnitType& visible, const UnitType& hidden,
                                    double temperature, uint64_t seed, int n_threads,
                                    const std::string& device) {
  require(visible_size >= 1 && hidden_size >= 1, "RBM",
          [&] { return "visible_size and hidden_size must be at least 1"; });
  return std::make_unique<UnitRbmHolder>(UnitRbm(context_on(device, seed, n_threads), visible_size,
                                                 hidden_size, visible, hidden, temperature));
}

Tensor rows(UnitRbmHolder& self, const Batch& x) { return tensor_from(self.rbm.context(), x); }

template <class... Results>
py::tuple tuple_like(const Batch& like, UnitRbmHolder& self, const Results&... results) {
  return py::make_tuple(result_like(like, self.rbm.context(), results)...);
}

py::object half_step(UnitRbmHolder& self, Side to, bool sample, const Batch& x, double beta) {
  const Tensor input = rows(self, x);
  const UnitState out = exclusive(self, "RBM.half_step", [&](UnitRbm& rbm) {
    return rbm.half_step(to, input, beta, !sample, sample);
  });
  return result_like(x, self.rbm.context(), sample ? out.sample : out.mean);
}

py::tuple cd_pass(UnitRbmHolder& self, const Batch& v, int64_t k) {
  const Tensor batch = rows(self, v);
  const UnitPass p = exclusive(self, "RBM", [&](UnitRbm& rbm) { return rbm.cd_pass(batch, k); });
  return tuple_like(v, self, p.h0.mean, p.h0.sample, p.h1.mean, p.h1.sample, p.v1.mean,
                    p.v1.sample);
}

py::tuple gibbs(UnitRbmHolder& self, const Batch& start, bool from_hidden, int64_t steps,
                float beta, const std::optional<Batch>& mask, const std::optional<Batch>& known) {
  const Tensor first = rows(self, start);
  std::optional<Clamp> clamp;
  if (mask)
    clamp =
        Clamp{bits_from(self.rbm.context(), *mask, "RBM.gibbs", "mask"), rows(self, known.value())};
  const Sweeps sweeps{steps, beta, clamp ? &*clamp : nullptr, true};
  const UnitPass p = exclusive(self, "RBM.gibbs", [&](UnitRbm& rbm) {
    return rbm.gibbs(from_hidden ? Side::kHidden : Side::kVisible, first, sweeps);
  });
  return tuple_like(start, self, p.h1.mean, p.h1.sample, p.v1.mean, p.v1.sample);
}

using Parameter = const Tensor& (*)(const UnitRbm&);

struct Named {
  const char* name;
  Parameter get;
  void (*set)(UnitRbm&, Tensor);
};

constexpr Named kParameters[] = {
    {"W", [](const UnitRbm& m) -> const Tensor& { return m.weights(); },
     [](UnitRbm& m, Tensor x) { m.set_weights(std::move(x)); }},
    {"v_bias", [](const UnitRbm& m) -> const Tensor& { return m.bias(Side::kVisible); },
     [](UnitRbm& m, Tensor x) { m.set_bias(Side::kVisible, std::move(x)); }},
    {"h_bias", [](const UnitRbm& m) -> const Tensor& { return m.bias(Side::kHidden); },
     [](UnitRbm& m, Tensor x) { m.set_bias(Side::kHidden, std::move(x)); }},
    {"v_variance", [](const UnitRbm& m) -> const Tensor& { return m.variance(Side::kVisible); },
     [](UnitRbm& m, Tensor x) { m.set_variance(Side::kVisible, std::move(x)); }},
    {"h_variance", [](const UnitRbm& m) -> const Tensor& { return m.variance(Side::kHidden); },
     [](UnitRbm& m, Tensor x) { m.set_variance(Side::kHidden, std::move(x)); }}};

// To read and assign, neither while another thread trains or samples.
void bind_parameter(py::class_<UnitRbmHolder>& c, const Named& parameter) {
  c.def_property(
      parameter.name,
      [parameter](UnitRbmHolder& s) -> py::array {
        const InUse guard(s.busy, "RBM");
        const Tensor& x = parameter.get(s.rbm);
        if (parameter.name == std::string("W")) return array_from(x);
        return vector_from(x);
      },
      [parameter](UnitRbmHolder& s, const Batch& value) {
        const InUse guard(s.busy, "RBM");
        parameter.set(s.rbm, tensor_from(s.rbm.context(), value));
      });
}

// A parameter as it is now, where it lies. Whatever changes the model puts another in its place.
DeviceArray device_array(UnitRbmHolder& self, const std::string& name) {
  const InUse guard(self.busy, "RBM.device_array");
  Backend& backend = self.rbm.context().backend();
  require(!backend.memory.on_host(), "RBM.device_array",
          [&] { return "the model must be on a device, got '" + backend.name + "'"; });
  for (const Named& parameter : kParameters)
    if (name == parameter.name)
      return {backend, parameter.get(self.rbm), false, name == "W" ? 2 : 1};
  throw ShapeError("[RBM.device_array] name must be a parameter, got '" + name + "'");
}

void bind_model(py::class_<UnitRbmHolder>& c) {
  c.def(py::init(&make), py::arg("visible_size"), py::arg("hidden_size"), py::arg("visible"),
        py::arg("hidden"), py::arg("temperature") = 1.0, py::arg("seed") = 0,
        py::arg("n_threads") = 0, py::arg("device") = "cpu")
      .def_property_readonly("device",
                             [](UnitRbmHolder& s) { return s.rbm.context().backend().name; })
      .def_property_readonly("visible_size", [](UnitRbmHolder& s) { return s.rbm.visible_size(); })
      .def_property_readonly("hidden_size", [](UnitRbmHolder& s) { return s.rbm.hidden_size(); })
      .def_property_readonly("seed", [](UnitRbmHolder& s) { return s.rbm.context().seed(); })
      .def_property(
          "draws", [](UnitRbmHolder& s) { return s.rbm.context().draws(); },
          [](UnitRbmHolder& s, uint64_t draws) { s.rbm.context().set_draws(draws); })
      .def_property(
          "n_threads", [](UnitRbmHolder& s) { return s.rbm.context().threads_requested(); },
          [](UnitRbmHolder& s, int n) { s.rbm.context().set_threads_requested(n); })
      .def("device_array", &device_array, py::arg("name"))
      .def(
          "initialize",
          [](UnitRbmHolder& s, float deviation) {
            exclusive(s, "RBM.initialize", [&](UnitRbm& rbm) { rbm.initialize(deviation); });
          },
          py::arg("deviation"));
  for (const Named& parameter : kParameters) bind_parameter(c, parameter);
}

void bind_sampling(py::class_<UnitRbmHolder>& c) {
  const auto layer = [&](const char* name, Side to, bool sample) {
    c.def(
        name,
        [to, sample](UnitRbmHolder& s, const Batch& x, double beta) {
          return half_step(s, to, sample, x, beta);
        },
        py::arg("x"), py::arg("beta") = 1.0);
  };
  layer("hidden_mean", Side::kHidden, false);
  layer("visible_mean", Side::kVisible, false);
  layer("sample_hidden", Side::kHidden, true);
  layer("sample_visible", Side::kVisible, true);
  c.def("cd_pass", &cd_pass, py::arg("v"), py::arg("k"));
  c.def("gibbs", &gibbs, py::arg("start"), py::arg("from_hidden"), py::arg("steps"),
        py::arg("beta") = 1.0f, py::arg("mask") = py::none(), py::arg("known") = py::none());
  c.def(
      "exact_samples",
      [](UnitRbmHolder& s, int64_t n) {
        return array_from(
            exclusive(s, "RBM.sample", [&](UnitRbm& rbm) { return rbm.exact_samples(n); }));
      },
      py::arg("n"));
}

void bind_measures(py::class_<UnitRbmHolder>& c) {
  c.def(
      "free_energy",
      [](UnitRbmHolder& self, const Batch& v, double beta) {
        const Tensor input = rows(self, v);
        return array_from(exclusive(self, "RBM.free_energy",
                                    [&](UnitRbm& rbm) { return rbm.free_energy(input, beta); }));
      },
      py::arg("v"), py::arg("beta") = 1.0);
  c.def(
      "energy",
      [](UnitRbmHolder& self, const Batch& v, const Batch& h, double beta) {
        const Tensor vs = rows(self, v), hs = rows(self, h);
        return array_from(
            exclusive(self, "RBM.energy", [&](UnitRbm& rbm) { return rbm.energy(vs, hs, beta); }));
      },
      py::arg("v"), py::arg("h"), py::arg("beta") = 1.0);
  c.def(
      "log_partition",
      [](UnitRbmHolder& self, double beta) {
        return exclusive(self, "RBM.log_partition",
                         [&](UnitRbm& rbm) { return rbm.log_partition(beta); });
      },
      py::arg("beta") = 1.0);
  c.def(
      "enumerable", [](UnitRbmHolder& self, double most) { return self.rbm.enumerable(most); },
      py::arg("most"));
  c.def("exact_moments", [](UnitRbmHolder& self) {
    const UnitMoments m =
        exclusive(self, "RBM.exact_moments", [&](UnitRbm& rbm) { return rbm.exact_moments(); });
    return py::make_tuple(array_from(m.products), vector_from(m.visible), vector_from(m.hidden));
  });
}

struct UnitAisHolder {
  UnitAis ais;
  std::atomic<bool> busy{false};
  explicit UnitAisHolder(UnitAis run) : ais(std::move(run)) {}
};

std::unique_ptr<UnitAisHolder> make_ais(UnitRbmHolder& rbm, const Batch& base_bias,
                                        const std::vector<double>& betas, int64_t n_chains,
                                        const std::optional<Batch>& start, uint64_t seed) {
  const InUse guard(rbm.busy, "ais");
  Tensor first;
  if (start) first = rows(rbm, *start);
  return std::make_unique<UnitAisHolder>(
      UnitAis(rbm.rbm, tensor_from(rbm.rbm.context(), base_bias), betas, n_chains, first, seed));
}

void bind_ais(py::module_& m) {
  py::class_<UnitAisHolder>(m, "UnitAIS",
                            "One annealed-importance-sampling run; works on a copy of the model.")
      .def(py::init(&make_ais), py::arg("rbm"), py::arg("base_bias"), py::arg("betas"),
           py::arg("n_chains"), py::arg("start") = py::none(), py::arg("seed") = 0)
      .def(
          "advance",
          [](UnitAisHolder& self, int64_t count) {
            const InUse guard(self.busy, "ais");
            py::gil_scoped_release release;
            return self.ais.advance(count);
          },
          py::arg("count"))
      .def_property_readonly("log_weights",
                             [](UnitAisHolder& self) {
                               const InUse guard(self.busy, "ais");
                               return array_from(self.ais.log_weights());
                             })
      .def_property_readonly("log_partition_base",
                             [](const UnitAisHolder& s) { return s.ais.log_partition_base(); });
}

}  // namespace of_unit_rbm

void bind_unit_rbm(py::module_& m) {
  using namespace of_unit_rbm;
  py::class_<UnitType>(m, "UnitType", "The type of a layer's units.")
      .def(py::init([](const std::string& kind, int64_t count, bool noisy, double stiffness) {
             UnitType type = unit_type(kind, count, noisy);
             type.stiffness = stiffness;
             return type;
           }),
           py::arg("kind"), py::arg("count") = 1, py::arg("noisy") = false,
           py::arg("stiffness") = 1.0);
  py::class_<UnitRbmHolder> c(m, "UnitRBM", "An RBM of any admissible pair of unit types.");
  bind_model(c);
  bind_sampling(c);
  bind_measures(c);
  bind_ais(m);
}

}  // namespace gibbslab
