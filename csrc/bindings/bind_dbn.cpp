#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <utility>
#include <variant>

#include "csrc/bindings/bindings.h"
#include "csrc/bindings/device_array.h"
#include "csrc/bindings/devices.h"
#include "csrc/bindings/guard.h"
#include "csrc/bindings/training.h"
#include "csrc/core/error.h"
#include "csrc/models/dbn_trainer.h"

namespace gibbslab {
namespace of_dbn {

struct DbnHolder {
  Dbn dbn;
  std::atomic<bool> busy{false};
  explicit DbnHolder(Dbn model) : dbn(std::move(model)) {}
  Context& context() { return dbn.context(); }
};

using Labels = std::optional<std::vector<int64_t>>;

// One-hot rows for `rows` rows; empty where no labels are given.
BitTensor labels_from(DbnHolder& self, const char* op, const Labels& labels, int64_t rows) {
  if (!labels) return BitTensor();
  require_labels(op, *labels, rows, self.dbn.classes());
  return one_hot(self.context(), *labels, self.dbn.classes());
}

std::unique_ptr<DbnHolder> make(const std::vector<int64_t>& sizes, uint64_t seed, int n_threads,
                                const std::string& device, int64_t classes) {
  return std::make_unique<DbnHolder>(Dbn(context_on(device, seed, n_threads), sizes, classes));
}

std::vector<int64_t> sizes(DbnHolder& self) {
  std::vector<int64_t> out;
  for (int64_t l = 0; l <= self.dbn.depth(); ++l) out.push_back(self.dbn.size(l));
  return out;
}

std::vector<std::string> names(DbnHolder& self) {
  std::vector<std::string> out;
  for (const DbnParameter& p : self.dbn.parameters()) out.push_back(p.name);
  return out;
}

DbnParameter named(DbnHolder& self, const std::string& name) {
  for (const DbnParameter& p : self.dbn.parameters())
    if (p.name == name) return p;
  throw ShapeError("[DBN] there is no parameter '" + name + "'");
}

bool is_row(const DbnParameter& p) { return p.name.find("bias") != std::string::npos; }

py::array_t<float> get(DbnHolder& self, const std::string& name) {
  const InUse guard(self.busy, "DBN.get");
  const DbnParameter p = named(self, name);
  return is_row(p) ? vector_from(self.dbn.get(p)) : array_from(self.dbn.get(p));
}

void set(DbnHolder& self, const std::string& name, const Batch& value) {
  const InUse guard(self.busy, "DBN.set");
  self.dbn.set(named(self, name), tensor_from(self.context(), value));
}

void require_directed(DbnHolder& self, int64_t l) {
  require(0 <= l && l + 1 < self.dbn.depth(), "DBN", [&] {
    return "layer must be in 0 ... " + std::to_string(self.dbn.depth() - 2) + ", got " +
           std::to_string(l);
  });
}

// Means and samples as arrays of the kind of `like`.
py::tuple pair(const Batch& like, DbnHolder& self, const LayerState& x) {
  const py::object sample =
      x.sample.empty() ? py::object(py::none()) : result_like(like, self.context(), x.sample);
  return py::make_tuple(result_like(like, self.context(), x.mean), sample);
}

template <class Range, class Member>
py::list pairs(const Batch& like, DbnHolder& self, const Range& items, const Member& member) {
  py::list out;
  for (const auto& item : items) out.append(pair(like, self, member(item)));
  return out;
}

template <class Layer>
auto layer_function(Layer layer, const char* what) {
  return [layer, what](DbnHolder& self, int64_t l, const Batch& x, bool sample) {
    require_directed(self, l);
    const States input = states_from(self.context(), x);
    const LayerState out =
        alone(self.busy, what, [&] { return (self.dbn.*layer)(l, input, true, sample); });
    return pair(x, self, out);
  };
}

const LayerState& itself(const LayerState& x) { return x; }

py::list recognise(DbnHolder& self, const Batch& v, bool mean_field) {
  const States input = states_from(self.context(), v);
  const auto out =
      alone(self.busy, "DBN.recognise", [&] { return self.dbn.recognise(input, mean_field); });
  return pairs(v, self, out, itself);
}

py::list generate(DbnHolder& self, const Batch& x) {
  const States input = states_from(self.context(), x);
  const auto out = alone(self.busy, "DBN.generate", [&] { return self.dbn.generate(input); });
  return pairs(x, self, out, itself);
}

// Hidden states h to (h1_mean, h1), (v1_mean, v1) of the top RBM, and the labels, one-hot, or None.
py::tuple top_gibbs(DbnHolder& self, const Batch& h, int64_t steps, const Labels& labels) {
  const States start = states_from(self.context(), h);
  const BitTensor held = labels_from(self, "DBN.gibbs_sampling", labels, start.rows());
  const CdPass p = alone(self.busy, "DBN.gibbs_sampling",
                         [&] { return self.dbn.top_gibbs(start, steps, held); });
  const py::object y = p.y1.empty() ? py::object(py::none()) : py::object(array_from(p.y1));
  return py::make_tuple(pair(h, self, p.h1), pair(h, self, p.v1), y);
}

py::tuple top_up(DbnHolder& self, const Batch& x, bool sample, const Labels& labels) {
  const States input = states_from(self.context(), x);
  const BitTensor y = labels_from(self, "DBN.top_up", labels, input.rows());
  return pair(x, self,
              alone(self.busy, "DBN.top_up", [&] { return self.dbn.top_up(input, y, sample); }));
}

py::tuple top_down(DbnHolder& self, const Batch& h, bool sample) {
  const States input = states_from(self.context(), h);
  return pair(h, self,
              alone(self.busy, "DBN.top_down", [&] { return self.dbn.top_down(input, sample); }));
}

py::array_t<double> label_log_proba(DbnHolder& self, const Batch& x) {
  const States input = states_from(self.context(), x);
  const auto values =
      alone(self.busy, "DBN.label_log_proba", [&] { return self.dbn.label_log_proba(input); });
  return array_from(values).reshape({input.rows(), self.dbn.classes()});
}

py::dict up_down(DbnHolder& self, const Batch& v, int64_t steps, bool top_only,
                 const Labels& labels) {
  const States input = states_from(self.context(), v);
  const BitTensor y = labels_from(self, "DBN.forward", labels, input.rows());
  const UpDownPass p = alone(self.busy, "DBN.forward", [&] {
    return self.dbn.up_down(input, {steps, top_only, !top_only, y});
  });
  py::dict out;
  const auto all = [&](const char* name, auto member) {
    out[name] = pairs(v, self, p.layers,
                      [&](const DirectedPass& x) -> const LayerState& { return x.*member; });
  };
  all("up", &DirectedPass::up);
  if (!top_only) {
    all("predicted", &DirectedPass::predicted);
    all("generated", &DirectedPass::generated);
    all("recognised", &DirectedPass::recognised);
  }
  out["h0"] = pair(v, self, p.top.h0);
  out["h1"] = pair(v, self, p.top.h1);
  out["v1"] = pair(v, self, p.top.v1);
  if (!p.top.y1.empty()) out["y1"] = array_from(p.top.y1);
  return out;
}

py::array_t<float> fair_states(DbnHolder& self, int64_t l, int64_t rows) {
  require(0 <= l && l <= self.dbn.depth() && rows >= 1, "DBN.fair_states",
          [&] { return "layer and rows must name some units"; });
  return array_from(
      alone(self.busy, "DBN.fair_states", [&] { return self.dbn.fair_states(l, rows); }));
}

py::array_t<double> log_weights(DbnHolder& self, const std::vector<Batch>& layers) {
  std::vector<States> x;
  for (const Batch& layer : layers) x.push_back(states_from(self.context(), layer));
  return array_from(alone(self.busy, "DBN.log_weights", [&] { return self.dbn.log_weights(x); }));
}

void bind_model(py::class_<DbnHolder>& c) {
  c.def(py::init(&make), py::arg("sizes"), py::arg("seed") = 0, py::arg("n_threads") = 0,
        py::arg("device") = "cpu", py::arg("classes") = 0)
      .def_property_readonly("device", [](DbnHolder& s) { return s.context().backend().name; })
      .def_property_readonly("sizes", &sizes)
      .def_property_readonly("classes", [](DbnHolder& s) { return s.dbn.classes(); })
      .def_property_readonly("names", &names, "The parameters, from the bottom up.")
      .def_property_readonly("seed", [](DbnHolder& s) { return s.context().seed(); })
      .def_property(
          "draws", [](DbnHolder& s) { return s.context().draws(); },
          [](DbnHolder& s, uint64_t draws) { s.context().set_draws(draws); })
      .def_property(
          "n_threads", [](DbnHolder& s) { return s.context().threads_requested(); },
          [](DbnHolder& s, int n) { s.context().set_threads_requested(n); })
      .def("get", &get, py::arg("name"))
      .def("set", &set, py::arg("name"), py::arg("value"))
      .def(
          "initialize",
          [](DbnHolder& s, float deviation) {
            alone(s.busy, "DBN.initialize", [&] { s.dbn.initialize(deviation); });
          },
          py::arg("deviation"));
}

void bind_sampling(py::class_<DbnHolder>& c) {
  c.def("up", layer_function(&Dbn::up, "DBN.up"), py::arg("layer"), py::arg("x"),
        py::arg("sample") = true)
      .def("down", layer_function(&Dbn::down, "DBN.down"), py::arg("layer"), py::arg("x"),
           py::arg("sample") = true)
      .def("recognise", &recognise, py::arg("v"), py::arg("mean_field"))
      .def("generate", &generate, py::arg("x"))
      .def("top_up", &top_up, py::arg("x"), py::arg("sample") = true,
           py::arg("labels") = py::none())
      .def("top_down", &top_down, py::arg("x"), py::arg("sample") = true)
      .def("label_log_proba", &label_log_proba, py::arg("x"))
      .def("fair_states", &fair_states, py::arg("layer"), py::arg("rows"))
      .def("top_gibbs", &top_gibbs, py::arg("h"), py::arg("steps"), py::arg("labels") = py::none())
      .def("up_down", &up_down, py::arg("v"), py::arg("steps"), py::arg("top_only") = false,
           py::arg("labels") = py::none())
      .def("log_weights", &log_weights, py::arg("x"));
}

struct UpDownHolder {
  DbnHolder& model;
  UpDownTrainer trainer;
};

std::unique_ptr<UpDownHolder> make_trainer(DbnHolder& model, const UpDownOptions& options) {
  return std::unique_ptr<UpDownHolder>(new UpDownHolder{model, UpDownTrainer(model.dbn, options)});
}

using Rows = std::variant<const Dataset*, const LabelledDataset*>;

const Dataset& unlabelled(const Dataset& data) { return data; }
const Dataset& unlabelled(const LabelledDataset& data) { return data.data; }

py::tuple train(UpDownHolder& self, const Rows& data, const IndexArray& order, int64_t batch_size,
                int64_t first, int64_t last, float learning_rate) {
  const TrainResult result = std::visit(
      [&](const auto* rows) {
        const BatchRange range = checked_range(unlabelled(*rows), order, batch_size, first, last);
        return alone(self.model.busy, "train",
                     [&] { return self.trainer.train(*rows, range, learning_rate); });
      },
      data);
  return py::make_tuple(result.batches, result.diverged);
}

py::dict state(UpDownHolder& self) {
  const InUse guard(self.model.busy, "train");
  py::dict out;
  for (const UpDownTrainer::Slot& slot : self.trainer.slots()) {
    const std::string name = "velocity_" + slot.which.name;
    out[name.c_str()] = is_row(slot.which) ? vector_from(slot.velocity) : array_from(slot.velocity);
  }
  return out;
}

void restore(UpDownHolder& self, const py::dict& values) {
  const InUse guard(self.model.busy, "train");
  for (UpDownTrainer::Slot& slot : self.trainer.slots())
    restore_tensor(self.model.context(), values, "velocity_" + slot.which.name, slot.velocity);
}

void bind_up_down(py::module_& m) {
  py::class_<UpDownOptions>(m, "UpDownOptions", "How a batch changes a DBN.")
      .def(py::init<>())
      .def_readwrite("k", &UpDownOptions::k)
      .def_readwrite("momentum", &UpDownOptions::momentum)
      .def_readwrite("l2", &UpDownOptions::l2)
      .def_readwrite("top_only", &UpDownOptions::top_only)
      .def_readwrite("sample_input", &UpDownOptions::sample_input);
  py::class_<UpDownHolder>(m, "UpDownTrainer", "Trains a DBN by the up-down algorithm.")
      .def(py::init(&make_trainer), py::arg("dbn"), py::arg("options"), py::keep_alive<1, 2>())
      .def("train", &train, py::arg("data").none(false), py::arg("order"), py::arg("batch_size"),
           py::arg("first"), py::arg("last"), py::arg("learning_rate"),
           "Batches first ... last - 1; returns (batches done, name of a diverged tensor or '').")
      .def_property_readonly("options", [](UpDownHolder& self) { return self.trainer.options(); })
      .def_property(
          "momentum", [](UpDownHolder& self) { return self.trainer.options().momentum; },
          [](UpDownHolder& self, float momentum) {
            const InUse guard(self.model.busy, "train");
            self.trainer.set_momentum(momentum);
          })
      .def_property_readonly(
          "next_batch", [](UpDownHolder& self) { return self.trainer.next_batch(); },
          "Where to go on after the latest train(), also when it was interrupted.")
      .def("state", &state)
      .def("restore", &restore, py::arg("values"));
}

}  // namespace of_dbn

void bind_dbn(py::module_& m) {
  using namespace of_dbn;
  py::class_<DbnHolder> c(m, "DBN", "A deep belief network of Bernoulli layers.");
  bind_model(c);
  bind_sampling(c);
  bind_up_down(m);
}

}  // namespace gibbslab
