#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <utility>

#include "csrc/bindings/bindings.h"
#include "csrc/bindings/devices.h"
#include "csrc/bindings/guard.h"
#include "csrc/bindings/training.h"
#include "csrc/core/error.h"
#include "csrc/models/dbm_trainer.h"

namespace gibbslab {
namespace of_dbm {

struct DbmHolder {
  Dbm dbm;
  std::atomic<bool> busy{false};
  explicit DbmHolder(Dbm model) : dbm(std::move(model)) {}
};

struct DbmTrainerHolder {
  DbmHolder& model;
  DbmTrainer trainer;
};

// Runs `body` on the model with the GIL released and other threads kept out.
template <class Body>
auto exclusive(DbmHolder& self, const char* what, const Body& body) {
  const InUse guard(self.busy, what);
  py::gil_scoped_release release;
  return body(self.dbm);
}

using Arrays = std::vector<FloatArray>;

Layers layers_from(DbmHolder& self, const Arrays& arrays) {
  Layers out;
  for (const FloatArray& x : arrays) out.push_back(states_from(self.dbm.context(), x));
  return out;
}

py::array_t<float> array_of(const States& x) {
  return x.binary() ? array_from(x.bits()) : array_from(x.dense());
}

py::list arrays_of(const Layers& layers) {
  py::list out;
  for (const States& x : layers) out.append(array_of(x));
  return out;
}

void require_layer(int64_t l, int64_t last) {
  require(0 <= l && l < last, "DBM", [&] {
    return "layer must be in 0 ... " + std::to_string(last - 1) + ", got " + std::to_string(l);
  });
}

py::tuple infer(DbmHolder& self, const FloatArray& v, int64_t max_iterations, double tolerance,
                float beta) {
  const States batch = states_from(self.dbm.context(), v);
  const MeanField out = exclusive(self, "DBM.infer", [&](Dbm& dbm) {
    return dbm.infer(batch, {max_iterations, tolerance, beta});
  });
  const Layers hidden(out.layers.begin() + 1, out.layers.end());
  return py::make_tuple(arrays_of(hidden), out.iterations, array_from(out.changes));
}

py::list up_pass(DbmHolder& self, const FloatArray& v, float beta) {
  const States batch = states_from(self.dbm.context(), v);
  return arrays_of(
      exclusive(self, "DBM.up_pass", [&](Dbm& dbm) { return dbm.up_pass(batch, beta); }));
}

py::tuple gibbs(DbmHolder& self, const Arrays& start, int64_t steps, float beta,
                const std::optional<FloatArray>& mask, const std::optional<FloatArray>& known) {
  Layers x = layers_from(self, start);
  std::optional<Clamp> clamp;
  if (mask)
    clamp = Clamp{bits_from(self.dbm.context(), *mask, "DBM.gibbs", "mask"),
                  states_from(self.dbm.context(), known.value())};
  const LayerSweeps sweeps{steps, beta, clamp ? &*clamp : nullptr, true};
  const std::vector<LayerState> last =
      exclusive(self, "DBM.gibbs", [&](Dbm& dbm) { return dbm.gibbs(x, sweeps); });
  py::list means;
  for (const LayerState& layer : last) means.append(array_from(layer.mean));
  return py::make_tuple(means, arrays_of(x));
}

py::tuple layer_step(DbmHolder& self, const Arrays& x, int64_t layer, float beta) {
  const Layers states = layers_from(self, x);
  const LayerState out = exclusive(self, "DBM.layer_step", [&](Dbm& dbm) {
    return dbm.layer_step(states, layer, beta, true, true);
  });
  return py::make_tuple(array_from(out.mean), array_from(out.sample));
}

void bind_model(py::class_<DbmHolder>& c) {
  c.def(py::init([](const std::vector<int64_t>& sizes, uint64_t seed, int n_threads,
                    const std::string& device) {
          return std::make_unique<DbmHolder>(Dbm(context_on(device, seed, n_threads), sizes));
        }),
        py::arg("layer_sizes"), py::arg("seed") = 0, py::arg("n_threads") = 0,
        py::arg("device") = "cpu")
      .def_property_readonly("device", [](DbmHolder& s) { return s.dbm.context().backend().name; })
      .def_property_readonly("seed", [](DbmHolder& s) { return s.dbm.context().seed(); })
      .def_property(
          "draws", [](DbmHolder& s) { return s.dbm.context().draws(); },
          [](DbmHolder& s, uint64_t draws) { s.dbm.context().set_draws(draws); })
      .def_property(
          "n_threads", [](DbmHolder& s) { return s.dbm.context().threads_requested(); },
          [](DbmHolder& s, int n) { s.dbm.context().set_threads_requested(n); });
  c.def(
       "weights",
       [](DbmHolder& s, int64_t l) {
         const InUse guard(s.busy, "DBM.weights");
         require_layer(l, s.dbm.layers() - 1);
         return array_from(s.dbm.weights(l).get());
       },
       py::arg("layer"))
      .def(
          "bias",
          [](DbmHolder& s, int64_t l) {
            const InUse guard(s.busy, "DBM.biases");
            require_layer(l, s.dbm.layers());
            return vector_from(s.dbm.bias(l));
          },
          py::arg("layer"))
      .def(
          "set_weights",
          [](DbmHolder& s, int64_t l, const FloatArray& w) {
            const InUse guard(s.busy, "DBM.weights");
            require_layer(l, s.dbm.layers() - 1);
            s.dbm.set_weights(l, tensor_from(s.dbm.context(), w));
          },
          py::arg("layer"), py::arg("value"))
      .def(
          "set_bias",
          [](DbmHolder& s, int64_t l, const FloatArray& b) {
            const InUse guard(s.busy, "DBM.biases");
            require_layer(l, s.dbm.layers());
            s.dbm.set_bias(l, tensor_from(s.dbm.context(), b));
          },
          py::arg("layer"), py::arg("value"))
      .def(
          "initialize",
          [](DbmHolder& s, float deviation) {
            exclusive(s, "DBM.initialize", [&](Dbm& dbm) { dbm.initialize(deviation); });
          },
          py::arg("deviation"));
}

void bind_sampling(py::class_<DbmHolder>& c) {
  c.def("infer", &infer, py::arg("v"), py::arg("max_iterations"), py::arg("tolerance"),
        py::arg("beta") = 1.0f)
      .def("up_pass", &up_pass, py::arg("v"), py::arg("beta") = 1.0f)
      .def("layer_step", &layer_step, py::arg("states"), py::arg("layer"), py::arg("beta") = 1.0f)
      .def("gibbs", &gibbs, py::arg("states"), py::arg("steps"), py::arg("beta") = 1.0f,
           py::arg("mask") = py::none(), py::arg("known") = py::none())
      .def(
          "energy",
          [](DbmHolder& self, const Arrays& x, double beta) {
            const Layers states = layers_from(self, x);
            return array_from(
                exclusive(self, "DBM.energy", [&](Dbm& dbm) { return dbm.energy(states, beta); }));
          },
          py::arg("states"), py::arg("beta") = 1.0)
      .def("stacked", [](DbmHolder& self) {
        return std::make_unique<RbmHolder>(
            exclusive(self, "DBM.stacked", [](Dbm& dbm) { return dbm.stacked(); }));
      });
}

// Every tensor a resumed run needs, by name.
std::vector<std::pair<std::string, Tensor*>> named(DbmTrainerHolder& self) {
  std::vector<std::pair<std::string, Tensor*>> out;
  const int64_t layers = self.model.dbm.layers();
  for (int64_t l = 0; l < layers; ++l) {
    const std::string n = std::to_string(l);
    if (l + 1 < layers) out.emplace_back("velocity_W" + n, &self.trainer.velocity_weights(l));
    out.emplace_back("velocity_b" + n, &self.trainer.velocity_bias(l));
    out.emplace_back("offset" + n, &self.trainer.offset(l));
  }
  return out;
}

py::dict state(DbmTrainerHolder& self) {
  const InUse guard(self.model.busy, "train");
  py::dict out;
  for (auto& [name, tensor] : named(self))
    out[name.c_str()] = tensor->rows() == 1 ? vector_from(*tensor) : array_from(*tensor);
  for (int64_t l = 1; l < self.model.dbm.layers(); l += 2)
    out[("chains" + std::to_string(l)).c_str()] = array_of(self.trainer.chains()[l]);
  return out;
}

void restore_chains(DbmTrainerHolder& self, const py::dict& values) {
  for (int64_t l = 1; l < self.model.dbm.layers(); l += 2) {
    const std::string name = "chains" + std::to_string(l);
    if (!values.contains(name.c_str())) continue;
    const BitTensor chains = bits_from(
        self.model.dbm.context(), values[name.c_str()].cast<FloatArray>(), "restore", "chains");
    const int64_t rows = self.trainer.options().n_chains, cols = self.model.dbm.size(l);
    require(chains.rows() == rows && chains.cols() == cols, "restore", [&] {
      return name + " must have shape " + shape_string(rows, cols) + ", got " +
             shape_string(chains.rows(), chains.cols());
    });
    self.trainer.chains()[l] = chains;
  }
}

void restore(DbmTrainerHolder& self, const py::dict& values) {
  const InUse guard(self.model.busy, "train");
  for (const auto& entry : named(self))
    restore_tensor(self.model.dbm.context(), values, entry.first, *entry.second);
  restore_chains(self, values);
}

py::tuple train(DbmTrainerHolder& self, const Dataset& data, const IndexArray& order,
                int64_t batch_size, int64_t first, int64_t last, float learning_rate) {
  const BatchRange range = checked_range(data, order, batch_size, first, last);
  const TrainResult result = exclusive(
      self.model, "train", [&](Dbm&) { return self.trainer.train(data, range, learning_rate); });
  return py::make_tuple(result.batches, result.diverged);
}

void bind_training(py::module_& m) {
  py::class_<DbmTrainOptions>(m, "DBMTrainOptions", "How a batch changes a DBM.")
      .def(py::init<>())
      .def_readwrite("k", &DbmTrainOptions::k)
      .def_readwrite("n_chains", &DbmTrainOptions::n_chains)
      .def_property(
          "mean_field_iterations", [](DbmTrainOptions& o) { return o.mean_field.max_iterations; },
          [](DbmTrainOptions& o, int64_t n) { o.mean_field.max_iterations = n; })
      .def_property(
          "mean_field_tolerance", [](DbmTrainOptions& o) { return o.mean_field.tolerance; },
          [](DbmTrainOptions& o, double t) { o.mean_field.tolerance = t; })
      .def_readwrite("momentum", &DbmTrainOptions::momentum)
      .def_readwrite("l1", &DbmTrainOptions::l1)
      .def_readwrite("l2", &DbmTrainOptions::l2)
      .def_readwrite("centered", &DbmTrainOptions::centered)
      .def_readwrite("offset_rate", &DbmTrainOptions::offset_rate)
      .def_readwrite("sample_input", &DbmTrainOptions::sample_input);
  py::class_<DbmTrainerHolder>(m, "DBMTrainer", "Trains a DBM batch by batch; keeps its chains.")
      .def(py::init([](DbmHolder& model, const DbmTrainOptions& options) {
             return std::unique_ptr<DbmTrainerHolder>(
                 new DbmTrainerHolder{model, DbmTrainer(model.dbm, options)});
           }),
           py::arg("dbm"), py::arg("options"), py::keep_alive<1, 2>())
      .def("train", &train, py::arg("data"), py::arg("order"), py::arg("batch_size"),
           py::arg("first"), py::arg("last"), py::arg("learning_rate"))
      .def_property_readonly("options", [](DbmTrainerHolder& s) { return s.trainer.options(); })
      .def_property(
          "momentum", [](DbmTrainerHolder& s) { return s.trainer.options().momentum; },
          [](DbmTrainerHolder& s, float momentum) {
            const InUse guard(s.model.busy, "train");
            s.trainer.set_momentum(momentum);
          })
      .def_property_readonly("next_batch",
                             [](DbmTrainerHolder& s) { return s.trainer.next_batch(); })
      .def_property_readonly("iterations",
                             [](DbmTrainerHolder& s) { return s.trainer.iterations(); })
      .def("state", &state)
      .def("restore", &restore, py::arg("values"));
}

}  // namespace of_dbm

void bind_dbm(py::module_& m) {
  using namespace of_dbm;
  py::class_<DbmHolder> c(m, "DBM", "A deep Boltzmann machine: parameters, samplers, mean field.");
  bind_model(c);
  bind_sampling(c);
  bind_training(m);
}

}  // namespace gibbslab
