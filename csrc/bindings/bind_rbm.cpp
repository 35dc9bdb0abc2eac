#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <atomic>
#include <optional>
#include <utility>

#include "csrc/bindings/bindings.h"
#include "csrc/bindings/device_array.h"
#include "csrc/bindings/devices.h"
#include "csrc/bindings/guard.h"
#include "csrc/core/error.h"
#include "csrc/models/ais.h"
#include "csrc/ops/backend.h"

namespace gibbslab {
namespace of_rbm {

// Runs `body` on the model with the GIL released and other threads kept out.
template <class Body>
auto exclusive(RbmHolder& self, const char* what, const Body& body) {
  const InUse guard(self.busy, what);
  py::gil_scoped_release release;
  return body(self.rbm);
}

std::unique_ptr<RbmHolder> make(int64_t visible, int64_t hidden, uint64_t seed, int n_threads,
                                const std::string& device) {
  require(visible >= 1, "RBM",
          [&] { return "visible_size must be at least 1, got " + std::to_string(visible); });
  require(hidden >= 1, "RBM",
          [&] { return "hidden_size must be at least 1, got " + std::to_string(hidden); });
  return std::make_unique<RbmHolder>(Rbm(context_on(device, seed, n_threads), visible, hidden));
}

States states(RbmHolder& self, const Batch& x) { return states_from(self.rbm.context(), x); }

// The results as a tuple of arrays of the kind of `like`.
template <class... Results>
py::tuple tuple_like(const Batch& like, RbmHolder& self, const Results&... results) {
  return py::make_tuple(result_like(like, self.rbm.context(), results)...);
}

py::tuple cd_pass(RbmHolder& self, const Batch& v, int64_t k) {
  const States batch = states(self, v);
  const CdPass p = exclusive(self, "RBM", [&](Rbm& rbm) { return rbm.cd_pass(batch, k); });
  return tuple_like(v, self, p.h0.mean, p.h0.sample, p.h1.mean, p.h1.sample, p.v1.mean,
                    p.v1.sample);
}

py::tuple gibbs(RbmHolder& self, const Batch& start, bool from_hidden, int64_t steps, float beta,
                const std::optional<Batch>& mask, const std::optional<Batch>& known) {
  const States first = states(self, start);
  std::optional<Clamp> clamp;
  if (mask)
    clamp = Clamp{bits_from(self.rbm.context(), *mask, "RBM.gibbs", "mask"),
                  states(self, known.value())};
  const Sweeps sweeps{steps, beta, clamp ? &*clamp : nullptr, true};
  const CdPass p = exclusive(self, "RBM.gibbs", [&](Rbm& rbm) {
    return from_hidden ? rbm.gibbs_from_hidden(first, sweeps)
                       : rbm.gibbs_from_visible(first, sweeps);
  });
  States visible = p.v1.sample;
  if (clamp) ops::overwrite(self.rbm.context(), clamp->mask, clamp->known, visible);
  return tuple_like(start, self, p.h1.mean, p.h1.sample, p.v1.mean, visible);
}

template <class Method>
auto layer_function(Method method, const char* what) {
  return [method, what](RbmHolder& self, const Batch& x, float beta) {
    const States input = states(self, x);
    const auto out = exclusive(self, what, [&](Rbm& rbm) { return (rbm.*method)(input, beta); });
    return result_like(x, self.rbm.context(), out);
  };
}

// A parameter as it is now, where it lies. Whatever changes the model puts another in its place.
DeviceArray device_array(RbmHolder& self, const std::string& name) {
  const InUse guard(self.busy, "RBM.device_array");
  Rbm& rbm = self.rbm;
  Backend& backend = rbm.context().backend();
  require(!backend.memory.on_host(), "RBM.device_array",
          [&] { return "the model must be on a device, got '" + backend.name + "'"; });
  if (name == "W") return {backend, rbm.weights().get(), false};
  require(name == "v_bias" || name == "h_bias", "RBM.device_array",
          [&] { return "name must be 'W', 'v_bias' or 'h_bias', got '" + name + "'"; });
  return {backend, name == "v_bias" ? rbm.visible_bias() : rbm.hidden_bias(), false, 1};
}

// A parameter to read and assign, neither while another thread trains or samples.
template <class Get, class Set>
void bind_parameter(py::class_<RbmHolder>& c, const char* name, const char* what, Get get,
                    Set set) {
  c.def_property(
      name,
      [what, get](RbmHolder& s) {
        const InUse guard(s.busy, what);
        return get(s.rbm);
      },
      [what, set](RbmHolder& s, const Batch& value) {
        const InUse guard(s.busy, what);
        set(s.rbm, tensor_from(s.rbm.context(), value));
      });
}

void bind_model(py::class_<RbmHolder>& c) {
  c.def(py::init(&make), py::arg("visible_size"), py::arg("hidden_size"), py::arg("seed") = 0,
        py::arg("n_threads") = 0, py::arg("device") = "cpu")
      .def_property_readonly("device", [](RbmHolder& s) { return s.rbm.context().backend().name; })
      .def_property_readonly("visible_size", [](RbmHolder& s) { return s.rbm.visible_size(); })
      .def_property_readonly("hidden_size", [](RbmHolder& s) { return s.rbm.hidden_size(); })
      .def_property_readonly("seed", [](RbmHolder& s) { return s.rbm.context().seed(); })
      .def_property(
          "draws", [](RbmHolder& s) { return s.rbm.context().draws(); },
          [](RbmHolder& s, uint64_t draws) { s.rbm.context().set_draws(draws); })
      .def_property(
          "n_threads", [](RbmHolder& s) { return s.rbm.context().threads_requested(); },
          [](RbmHolder& s, int n) { s.rbm.context().set_threads_requested(n); });
  bind_parameter(
      c, "W", "RBM.W", [](Rbm& rbm) { return array_from(rbm.weights().get()); },
      [](Rbm& rbm, Tensor w) { rbm.set_weights(std::move(w)); });
  bind_parameter(
      c, "v_bias", "RBM.v_bias", [](Rbm& rbm) { return vector_from(rbm.visible_bias()); },
      [](Rbm& rbm, Tensor a) { rbm.set_visible_bias(std::move(a)); });
  bind_parameter(
      c, "h_bias", "RBM.h_bias", [](Rbm& rbm) { return vector_from(rbm.hidden_bias()); },
      [](Rbm& rbm, Tensor b) { rbm.set_hidden_bias(std::move(b)); });
  c.def(
      "set_input_scales",
      [](RbmHolder& s, float up, float down) {
        const InUse guard(s.busy, "RBM.set_input_scales");
        s.rbm.set_input_scales(up, down);
      },
      py::arg("up"), py::arg("down"));
  c.def("device_array", &device_array, py::arg("name"));
  c.def(
      "initialize",
      [](RbmHolder& s, float deviation) {
        exclusive(s, "RBM.initialize", [&](Rbm& rbm) { rbm.initialize(deviation); });
      },
      py::arg("deviation"));
}

void bind_sampling(py::class_<RbmHolder>& c) {
  const auto x_beta = [&](const char* name, auto function) {
    c.def(name, function, py::arg("x"), py::arg("beta") = 1.0f);
  };
  x_beta("hidden_mean", layer_function(&Rbm::hidden_mean, "RBM.hidden_mean"));
  x_beta("visible_mean", layer_function(&Rbm::visible_mean, "RBM.visible_mean"));
  x_beta("sample_hidden", layer_function(&Rbm::sample_hidden, "RBM.sample_hidden"));
  x_beta("sample_visible", layer_function(&Rbm::sample_visible, "RBM.sample_visible"));
  c.def("cd_pass", &cd_pass, py::arg("v"), py::arg("k"));
  c.def("gibbs", &gibbs, py::arg("start"), py::arg("from_hidden"), py::arg("steps"),
        py::arg("beta") = 1.0f, py::arg("mask") = py::none(), py::arg("known") = py::none());
}

void bind_measures(py::class_<RbmHolder>& c) {
  c.def(
      "free_energy",
      [](RbmHolder& self, const Batch& v, double beta) {
        const States input = states(self, v);
        return array_from(exclusive(self, "RBM.free_energy",
                                    [&](Rbm& rbm) { return rbm.free_energy(input, beta); }));
      },
      py::arg("v"), py::arg("beta") = 1.0);
  c.def(
      "energy",
      [](RbmHolder& self, const Batch& v, const Batch& h, double beta) {
        const States vs = states(self, v), hs = states(self, h);
        return array_from(
            exclusive(self, "RBM.energy", [&](Rbm& rbm) { return rbm.energy(vs, hs, beta); }));
      },
      py::arg("v"), py::arg("h"), py::arg("beta") = 1.0);
  c.def(
      "pseudo_likelihood",
      [](RbmHolder& self, const Batch& v, double beta) {
        const BitTensor bits = bits_from(self.rbm.context(), v, "RBM.pseudo_likelihood", "v");
        return array_from(exclusive(self, "RBM.pseudo_likelihood",
                                    [&](Rbm& rbm) { return rbm.pseudo_likelihood(bits, beta); }));
      },
      py::arg("v"), py::arg("beta") = 1.0);
  c.def(
      "log_partition",
      [](RbmHolder& self, double beta) {
        return exclusive(self, "RBM.log_partition",
                         [&](Rbm& rbm) { return rbm.log_partition(beta); });
      },
      py::arg("beta") = 1.0);
}

struct AisHolder {
  Ais ais;
  std::atomic<bool> busy{false};
  explicit AisHolder(Ais run) : ais(std::move(run)) {}
};

std::unique_ptr<AisHolder> make_ais(RbmHolder& rbm, const Batch& base_bias,
                                    const std::vector<double>& betas, int64_t n_chains,
                                    const std::optional<Batch>& start, uint64_t seed) {
  const InUse guard(rbm.busy, "ais");
  BitTensor first;
  if (start) first = bits_from(rbm.rbm.context(), *start, "ais", "start");
  return std::make_unique<AisHolder>(
      Ais(rbm.rbm, tensor_from(rbm.rbm.context(), base_bias), betas, n_chains, first, seed));
}

int64_t advance(AisHolder& self, int64_t count) {
  const InUse guard(self.busy, "ais");
  py::gil_scoped_release release;
  return self.ais.advance(count);
}

py::array_t<double> log_weights(AisHolder& self) {
  const InUse guard(self.busy, "ais");
  return array_from(self.ais.log_weights());
}

}  // namespace of_rbm

void bind_rbm(py::module_& m) {
  using namespace of_rbm;
  py::class_<RbmHolder> c(m, "RBM", "A Bernoulli RBM: parameters, samplers, exact measures.");
  bind_model(c);
  bind_sampling(c);
  bind_measures(c);
  py::class_<AisHolder>(m, "AIS",
                        "One annealed-importance-sampling run; works on a copy of the model.")
      .def(py::init(&make_ais), py::arg("rbm"), py::arg("base_bias"), py::arg("betas"),
           py::arg("n_chains"), py::arg("start") = py::none(), py::arg("seed") = 0)
      .def("advance", &advance, py::arg("count"))
      .def_property_readonly("log_weights", &log_weights)
      .def_property_readonly("log_partition_base",
                             [](const AisHolder& s) { return s.ais.log_partition_base(); });
}

}  // namespace gibbslab
