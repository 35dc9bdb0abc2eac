#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <utility>

#include "csrc/bindings/bindings.h"
#include "csrc/bindings/devices.h"
#include "csrc/bindings/guard.h"
#include "csrc/bindings/training.h"
#include "csrc/core/error.h"
#include "csrc/models/classification_trainer.h"
#include "csrc/ops/backend.h"

namespace gibbslab {
namespace of_classification {

struct Holder {
  ClassificationRbm rbm;
  std::atomic<bool> busy{false};
  explicit Holder(ClassificationRbm model) : rbm(std::move(model)) {}
};

struct TrainerHolder {
  Holder& model;
  ClassificationTrainer trainer;
};

// Runs `body` on the model with the GIL released and other threads kept out.
template <class Body>
auto exclusive(Holder& self, const char* what, const Body& body) {
  const InUse guard(self.busy, what);
  py::gil_scoped_release release;
  return body(self.rbm);
}

std::unique_ptr<Holder> make(int64_t visible, int64_t hidden, int64_t classes, uint64_t seed,
                             int n_threads, const std::string& device) {
  require(visible >= 1 && hidden >= 1 && classes >= 1, "ClassificationRBM",
          [&] { return "all sizes must be at least 1"; });
  return std::make_unique<Holder>(
      ClassificationRbm(context_on(device, seed, n_threads), visible, hidden, classes));
}

py::array_t<double> by_class(Holder& self, const std::vector<double>& values) {
  const py::ssize_t classes = self.rbm.classes();
  return array_from(values).reshape({static_cast<py::ssize_t>(values.size()) / classes, classes});
}

// A method of a batch that gives a number for every row and label.
auto class_function(std::vector<double> (ClassificationRbm::*method)(const States&) const,
                    const char* what) {
  return [method, what](Holder& self, const FloatArray& v) {
    const States batch = states_from(self.rbm.context(), v);
    return by_class(self, exclusive(self, what, [&](auto& rbm) { return (rbm.*method)(batch); }));
  };
}

// Sweeps h -> (v, y) -> h; the last v and its probabilities, y one-hot, and h.
py::tuple gibbs(Holder& self, const FloatArray& start, int64_t steps) {
  const BitTensor h = bits_from(self.rbm.context(), start, "ClassificationRBM.gibbs", "start");
  const CdPass p = exclusive(self, "ClassificationRBM.gibbs", [&](ClassificationRbm& rbm) {
    return rbm.gibbs_from_hidden(h, {steps});
  });
  return py::make_tuple(array_from(p.v1.mean), array_from(p.v1.sample), array_from(p.y1),
                        array_from(p.h1.sample));
}

// A parameter to read and assign; vectors are one row of the core's.
template <class Get, class Set>
void bind_parameter(py::class_<Holder>& c, const char* name, bool vector, Get get, Set set) {
  c.def_property(
      name,
      [vector, get](Holder& s) {
        const InUse guard(s.busy, "ClassificationRBM");
        return vector ? vector_from(get(s.rbm)) : array_from(get(s.rbm));
      },
      [set](Holder& s, const FloatArray& value) {
        const InUse guard(s.busy, "ClassificationRBM");
        (s.rbm.*set)(tensor_from(s.rbm.context(), value));
      });
}

void bind_parameters(py::class_<Holder>& c) {
  using Model = ClassificationRbm;
  bind_parameter(c, "W", false, [](Model& m) { return m.weights().get(); }, &Model::set_weights);
  bind_parameter(
      c, "U", false, [](Model& m) { return m.label_weights().get(); }, &Model::set_label_weights);
  bind_parameter(
      c, "v_bias", true, [](Model& m) { return m.visible_bias(); }, &Model::set_visible_bias);
  bind_parameter(
      c, "h_bias", true, [](Model& m) { return m.hidden_bias(); }, &Model::set_hidden_bias);
  bind_parameter(
      c, "y_bias", true, [](Model& m) { return m.label_bias(); }, &Model::set_label_bias);
}

void bind_model(py::module_& m) {
  py::class_<Holder> c(m, "ClassificationRBM", "An RBM over visible units and a label.");
  c.def(py::init(&make), py::arg("visible_size"), py::arg("hidden_size"), py::arg("classes"),
        py::arg("seed") = 0, py::arg("n_threads") = 0, py::arg("device") = "cpu")
      .def_property_readonly("device", [](Holder& s) { return s.rbm.context().backend().name; })
      .def_property_readonly("visible_size", [](Holder& s) { return s.rbm.visible_size(); })
      .def_property_readonly("hidden_size", [](Holder& s) { return s.rbm.hidden_size(); })
      .def_property_readonly("classes", [](Holder& s) { return s.rbm.classes(); })
      .def_property_readonly("seed", [](Holder& s) { return s.rbm.context().seed(); })
      .def_property(
          "draws", [](Holder& s) { return s.rbm.context().draws(); },
          [](Holder& s, uint64_t draws) { s.rbm.context().set_draws(draws); })
      .def_property(
          "n_threads", [](Holder& s) { return s.rbm.context().threads_requested(); },
          [](Holder& s, int n) { s.rbm.context().set_threads_requested(n); })
      .def(
          "initialize",
          [](Holder& s, float deviation) {
            exclusive(s, "ClassificationRBM.initialize",
                      [&](ClassificationRbm& rbm) { rbm.initialize(deviation); });
          },
          py::arg("deviation"))
      .def("log_proba",
           class_function(&ClassificationRbm::log_proba, "ClassificationRBM.log_proba"),
           py::arg("v"))
      .def("free_energy",
           class_function(&ClassificationRbm::free_energy, "ClassificationRBM.free_energy"),
           py::arg("v"))
      .def("gibbs", &gibbs, py::arg("start"), py::arg("steps"));
  bind_parameters(c);
}

py::tuple train(TrainerHolder& self, const LabelledDataset& data, const IndexArray& order,
                int64_t batch_size, int64_t first, int64_t last, float learning_rate) {
  const BatchRange range = checked_range(data.data, order, batch_size, first, last);
  const TrainResult result = exclusive(self.model, "train", [&](ClassificationRbm&) {
    return self.trainer.train(data, range, learning_rate);
  });
  return py::make_tuple(result.batches, result.diverged);
}

// Every tensor a resumed run needs, by name; the biases' are vectors.
std::vector<std::pair<const char*, Tensor*>> named(ClassificationTrainer& t) {
  ClassificationTrainer::Velocities& v = t.velocities();
  return {{"velocity_W", &v.w},
          {"velocity_U", &v.u},
          {"velocity_v_bias", &v.a},
          {"velocity_h_bias", &v.b},
          {"velocity_y_bias", &v.d}};
}

py::dict state(TrainerHolder& self) {
  const InUse guard(self.model.busy, "train");
  py::dict out;
  for (auto& [name, tensor] : named(self.trainer))
    out[name] = std::string(name).ends_with("bias") ? vector_from(*tensor) : array_from(*tensor);
  if (self.trainer.options().persistent) out["chains"] = array_from(self.trainer.chains());
  return out;
}

void restore(TrainerHolder& self, const py::dict& values) {
  const InUse guard(self.model.busy, "train");
  const Context& ctx = self.model.rbm.context();
  for (const auto& entry : named(self.trainer))
    restore_tensor(ctx, values, entry.first, *entry.second);
  if (!values.contains("chains")) return;
  const BitTensor chains = bits_from(ctx, values["chains"].cast<FloatArray>(), "restore", "chains");
  require(chains.cols() == self.model.rbm.hidden_size(), "restore",
          [&] { return "chains must have one column per hidden unit"; });
  self.trainer.chains() = chains;
}

void bind_options(py::module_& m) {
  using Options = ClassificationOptions;
  py::class_<Options>(m, "ClassificationOptions", "How a batch changes a classification RBM.")
      .def(py::init<>())
      .def_readwrite("discriminative", &Options::discriminative)
      .def_readwrite("generative", &Options::generative)
      .def_readwrite("persistent", &Options::persistent)
      .def_readwrite("k", &Options::k)
      .def_readwrite("n_chains", &Options::n_chains)
      .def_readwrite("momentum", &Options::momentum)
      .def_readwrite("l1", &Options::l1)
      .def_readwrite("l2", &Options::l2)
      .def_readwrite("sample_input", &Options::sample_input);
}

void bind_training(py::module_& m) {
  py::class_<TrainerHolder>(m, "ClassificationTrainer", "Trains a classification RBM.")
      .def(py::init([](Holder& model, const ClassificationOptions& options) {
             return std::unique_ptr<TrainerHolder>(
                 new TrainerHolder{model, ClassificationTrainer(model.rbm, options)});
           }),
           py::arg("rbm"), py::arg("options"), py::keep_alive<1, 2>())
      .def("train", &train, py::arg("data"), py::arg("order"), py::arg("batch_size"),
           py::arg("first"), py::arg("last"), py::arg("learning_rate"))
      .def_property(
          "momentum", [](TrainerHolder& s) { return s.trainer.options().momentum; },
          [](TrainerHolder& s, float momentum) {
            const InUse guard(s.model.busy, "train");
            s.trainer.set_momentum(momentum);
          })
      .def_property_readonly("next_batch", [](TrainerHolder& s) { return s.trainer.next_batch(); })
      .def("state", &state)
      .def("restore", &restore, py::arg("values"));
}

}  // namespace of_classification

void bind_classification(py::module_& m) {
  using namespace of_classification;
  bind_model(m);
  bind_options(m);
  bind_training(m);
}

}  // namespace gibbslab
