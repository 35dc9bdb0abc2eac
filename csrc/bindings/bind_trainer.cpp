#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "csrc/bindings/bindings.h"
#include "csrc/bindings/guard.h"
#include "csrc/bindings/training.h"
#include "csrc/core/error.h"
#include "csrc/models/rbm_trainer.h"
#include "csrc/ops/elementwise.h"

namespace gibbslab {
namespace of_trainer {

struct TrainerHolder {
  RbmHolder& model;
  RbmTrainer trainer;
};

std::unique_ptr<TrainerHolder> make(RbmHolder& model, const TrainOptions& options) {
  return std::unique_ptr<TrainerHolder>(new TrainerHolder{model, RbmTrainer(model.rbm, options)});
}

py::tuple train(TrainerHolder& self, const Dataset& data, const IndexArray& order,
                int64_t batch_size, int64_t first, int64_t last, float learning_rate) {
  checked_range(data, order, batch_size, first, last);
  const InUse guard(self.model.busy, "train");
  TrainResult result;
  {
    py::gil_scoped_release release;
    result = self.trainer.train(data, order.data(), order.shape(0), batch_size, first, last,
                                learning_rate);
  }
  return py::make_tuple(result.batches, result.diverged);
}

// Every tensor a resumed run needs, by name.
std::vector<std::pair<const char*, Tensor*>> named(RbmTrainer& t) {
  return {{"velocity_W", &t.velocity_weights()},     {"velocity_v_bias", &t.velocity_visible()},
          {"velocity_h_bias", &t.velocity_hidden()}, {"visible_offset", &t.visible_offset()},
          {"hidden_offset", &t.hidden_offset()},     {"hidden_activity", &t.hidden_activity()}};
}

py::dict state(TrainerHolder& self) {
  const InUse guard(self.model.busy, "train");
  py::dict out;
  for (auto& [name, tensor] : named(self.trainer))
    out[name] = tensor->rows() == 1 ? vector_from(*tensor) : array_from(*tensor);
  if (self.trainer.options().persistent) out["chains"] = array_from(self.trainer.chains());
  if (self.trainer.tempering()) {
    out["ladder"] = array_from(self.trainer.tempering()->ladder_state());
    out["replicas"] = array_from(self.trainer.tempering()->replica_state());
  }
  return out;
}

py::object tempering(TrainerHolder& self) {
  const InUse guard(self.model.busy, "train");
  if (!self.trainer.tempering()) return py::none();
  const Tempering& now = *self.trainer.tempering();
  return py::make_tuple(array_from(now.ladder().betas()), array_from(now.ladder().swap_rates()),
                        now.round_trips(), now.sweeps());
}

void set_momentum(TrainerHolder& self, float momentum) {
  const InUse guard(self.model.busy, "train");
  self.trainer.set_momentum(momentum);
}

void restore_chains(TrainerHolder& self, const py::dict& values) {
  if (!values.contains("chains")) return;
  RbmTrainer& trainer = self.trainer;
  const BitTensor chains =
      bits_from(self.model.rbm.context(), values["chains"].cast<FloatArray>(), "restore", "chains");
  require(chains.cols() == self.model.rbm.hidden_size(), "restore",
          [&] { return "chains must have one column per hidden unit"; });
  if (trainer.tempering())
    require(chains.rows() == trainer.chains().rows(), "restore",
            [&] { return "chains must have a row for every replica"; });
  if (trainer.tempering() && values.contains("replicas"))
    trainer.tempering()->restore(tensor_view(values["ladder"].cast<FloatArray>()),
                                 tensor_view(values["replicas"].cast<FloatArray>()));
  trainer.chains() = chains;
}

void restore(TrainerHolder& self, const py::dict& values) {
  const InUse guard(self.model.busy, "train");
  for (const auto& entry : named(self.trainer))
    restore_tensor(self.model.rbm.context(), values, entry.first, *entry.second);
  restore_chains(self, values);
}

}  // namespace of_trainer

BatchRange checked_range(const Dataset& data, const IndexArray& order, int64_t batch_size,
                         int64_t first, int64_t last) {
  require(batch_size >= 1, "train", [&] { return "batch_size must be at least 1"; });
  for (py::ssize_t i = 0; i < order.shape(0); ++i)
    require(0 <= order.at(i) && order.at(i) < data.rows(), "train",
            [&] { return "order must name rows of the data set"; });
  return {order.data(), order.shape(0), batch_size, first, last};
}

void restore_tensor(const Context& ctx, const py::dict& values, const std::string& name,
                    Tensor& tensor) {
  if (!values.contains(name.c_str())) return;
  const Tensor given = tensor_from(ctx, values[name.c_str()].cast<FloatArray>());
  require(given.rows() == tensor.rows() && given.cols() == tensor.cols(), "restore", [&] {
    return name + " must have shape " + shape_string(tensor.rows(), tensor.cols()) + ", got " +
           shape_string(given.rows(), given.cols());
  });
  tensor = given;
}

void bind_trainer(py::module_& m) {
  using namespace of_trainer;
  py::class_<TrainOptions>(m, "TrainOptions", "How a batch changes the model.")
      .def(py::init<>())
      .def_readwrite("persistent", &TrainOptions::persistent)
      .def_readwrite("exact", &TrainOptions::exact)
      .def_readwrite("k", &TrainOptions::k)
      .def_readwrite("n_chains", &TrainOptions::n_chains)
      .def_readwrite("n_temperatures", &TrainOptions::n_temperatures)
      .def_readwrite("momentum", &TrainOptions::momentum)
      .def_readwrite("l1", &TrainOptions::l1)
      .def_readwrite("l2", &TrainOptions::l2)
      .def_readwrite("max_norm", &TrainOptions::max_norm)
      .def_readwrite("centered", &TrainOptions::centered)
      .def_readwrite("offset_rate", &TrainOptions::offset_rate)
      .def_readwrite("sparsity_target", &TrainOptions::sparsity_target)
      .def_readwrite("sparsity_cost", &TrainOptions::sparsity_cost)
      .def_readwrite("sparsity_decay", &TrainOptions::sparsity_decay)
      .def_readwrite("sample_input", &TrainOptions::sample_input)
      .def_readwrite("hidden_samples", &TrainOptions::hidden_samples);
  py::class_<TrainerHolder>(m, "Trainer", "Trains an RBM batch by batch and keeps its chains.")
      .def(py::init(&make), py::arg("rbm"), py::arg("options"), py::keep_alive<1, 2>())
      .def("train", &train, py::arg("data"), py::arg("order"), py::arg("batch_size"),
           py::arg("first"), py::arg("last"), py::arg("learning_rate"),
           "Batches first ... last - 1; returns (batches done, name of a diverged tensor or '').")
      .def_property_readonly("options", [](TrainerHolder& self) { return self.trainer.options(); })
      .def_property(
          "momentum", [](TrainerHolder& self) { return self.trainer.options().momentum; },
          &set_momentum)
      .def_property_readonly(
          "next_batch", [](TrainerHolder& self) { return self.trainer.next_batch(); },
          "Where to go on after the latest train(), also when it was interrupted.")
      .def("state", &state)
      .def("restore", &restore, py::arg("values"))
      .def_property_readonly("tempering", &tempering,
                             "(betas, swap rates, round trips, sweeps), or None.");
}

}  // namespace gibbslab
