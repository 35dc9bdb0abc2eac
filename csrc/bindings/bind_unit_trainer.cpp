#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "csrc/bindings/bindings.h"
#include "csrc/bindings/guard.h"
#include "csrc/bindings/numpy.h"
#include "csrc/bindings/training.h"
#include "csrc/core/error.h"
#include "csrc/models/unit_rbm_trainer.h"

namespace gibbslab {
namespace of_unit_trainer {

struct UnitTrainerHolder {
  UnitRbmHolder& model;
  UnitRbmTrainer trainer;
};

py::tuple train(UnitTrainerHolder& self, const Dataset& data, const IndexArray& order,
                int64_t batch_size, int64_t first, int64_t last, float learning_rate) {
  const BatchRange range = checked_range(data, order, batch_size, first, last);
  const InUse guard(self.model.busy, "train");
  TrainResult result;
  {
    py::gil_scoped_release release;
    result = self.trainer.train(data, range, learning_rate);
  }
  return py::make_tuple(result.batches, result.diverged);
}

// Every tensor a resumed run needs, by name; the chains are empty where there are none.
std::vector<std::pair<const char*, Tensor*>> named(UnitRbmTrainer::State& s) {
  return {{"velocity_W", &s.velocity_w},           {"velocity_v_bias", &s.velocity_a},
          {"velocity_h_bias", &s.velocity_b},      {"velocity_v_variance", &s.velocity_variance},
          {"visible_offset", &s.visible_offset},   {"hidden_offset", &s.hidden_offset},
          {"hidden_activity", &s.hidden_activity}, {"chains", &s.chains}};
}

py::dict state(UnitTrainerHolder& self) {
  const InUse guard(self.model.busy, "train");
  py::dict out;
  for (auto& [name, tensor] : named(self.trainer.state())) {
    if (tensor->empty()) continue;
    const bool matrix = tensor->rows() > 1 || name == std::string("chains");
    out[name] = matrix ? array_from(*tensor) : vector_from(*tensor);
  }
  return out;
}

void restore(UnitTrainerHolder& self, const py::dict& values) {
  const InUse guard(self.model.busy, "train");
  UnitRbmTrainer::State& now = self.trainer.state();
  const Context& ctx = self.model.rbm.context();
  for (const auto& entry : named(now))
    if (entry.second != &now.chains) restore_tensor(ctx, values, entry.first, *entry.second);
  if (!values.contains("chains") || now.chains.empty()) return;
  const Tensor chains = tensor_from(ctx, values["chains"].cast<FloatArray>());
  require(chains.cols() == self.model.rbm.hidden_size(), "restore",
          [&] { return "chains must have one column per hidden unit"; });
  now.chains = chains;
}

void set_momentum(UnitTrainerHolder& self, float momentum) {
  const InUse guard(self.model.busy, "train");
  self.trainer.set_momentum(momentum);
}

}  // namespace of_unit_trainer

void bind_unit_trainer(py::module_& m) {
  using namespace of_unit_trainer;
  py::class_<UnitTrainOptions, TrainOptions>(m, "UnitTrainOptions",
                                             "How a batch changes the model.")
      .def(py::init<>())
      .def_readwrite("learn_variance", &UnitTrainOptions::learn_variance)
      .def_readwrite("variance_rate", &UnitTrainOptions::variance_rate)
      .def_readwrite("least_variance", &UnitTrainOptions::least_variance)
      .def_readwrite("most_variance", &UnitTrainOptions::most_variance);
  py::class_<UnitTrainerHolder>(m, "UnitTrainer", "Trains a UnitRBM batch by batch.")
      .def(py::init([](UnitRbmHolder& model, const UnitTrainOptions& options) {
             return std::unique_ptr<UnitTrainerHolder>(
                 new UnitTrainerHolder{model, UnitRbmTrainer(model.rbm, options)});
           }),
           py::arg("rbm"), py::arg("options"), py::keep_alive<1, 2>())
      .def("train", &train, py::arg("data"), py::arg("order"), py::arg("batch_size"),
           py::arg("first"), py::arg("last"), py::arg("learning_rate"),
           "Batches first ... last - 1; returns (batches done, name of a diverged tensor or '').")
      .def_property_readonly("options",
                             [](UnitTrainerHolder& self) { return self.trainer.options(); })
      .def_property(
          "momentum", [](UnitTrainerHolder& self) { return self.trainer.options().momentum; },
          &set_momentum)
      .def_property_readonly("next_batch",
                             [](UnitTrainerHolder& self) { return self.trainer.next_batch(); })
      .def("state", &state)
      .def("restore", &restore, py::arg("values"));
}

}  // namespace gibbslab
