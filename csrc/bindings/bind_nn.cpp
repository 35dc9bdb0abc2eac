// Variables, their operations and their optimisers. The lock of Python is kept throughout: a graph
// belongs to no thread, and parameters may be shared among graphs.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "csrc/bindings/bind_nn.h"
#include "csrc/bindings/bindings.h"
#include "csrc/bindings/device_array.h"
#include "csrc/bindings/devices.h"
#include "csrc/core/error.h"
#include "csrc/nn/fused.h"
#include "csrc/nn/optimizer.h"

namespace gibbslab::nn {
namespace {

template <class T, size_t N>
T named_choice(const std::pair<const char*, T> (&choices)[N], const std::string& name,
               const char* what) {
  for (const auto& choice : choices)
    if (name == choice.first) return choice.second;
  throw ShapeError(std::string("[nn] there is no ") + what + " '" + name + "'");
}

constexpr std::pair<const char*, FunctionKind> kFunctions[] = {
    {"identity", FunctionKind::kIdentity},
    {"exp", FunctionKind::kExp},
    {"log", FunctionKind::kLog},
    {"sqrt", FunctionKind::kSquareRoot},
    {"softplus", FunctionKind::kSoftplus},
    {"sigmoid", FunctionKind::kSigmoid},
    {"tanh", FunctionKind::kTanh},
    {"leaky_relu", FunctionKind::kLeakyRelu},
    {"elu", FunctionKind::kElu},
    {"step", FunctionKind::kStep},
    {"elu_slope", FunctionKind::kEluSlope},
    {"elu_curve", FunctionKind::kEluCurve}};
constexpr std::pair<const char*, Arithmetic> kArithmetic[] = {{"add", Arithmetic::kAdd},
                                                              {"subtract", Arithmetic::kSubtract},
                                                              {"multiply", Arithmetic::kMultiply},
                                                              {"divide", Arithmetic::kDivide}};
constexpr std::pair<const char*, LossKind> kLosses[] = {
    {"squared_error", LossKind::kSquaredError},
    {"bernoulli", LossKind::kBernoulli},
    {"bernoulli_logits", LossKind::kBernoulliLogits},
    {"gaussian", LossKind::kGaussian},
    {"kl", LossKind::kKl}};
constexpr std::pair<const char*, DescentRule> kRules[] = {{"sgd", DescentRule::kSgd},
                                                          {"nesterov", DescentRule::kNesterov},
                                                          {"rmsprop", DescentRule::kRmsprop},
                                                          {"adam", DescentRule::kAdam},
                                                          {"adamw", DescentRule::kAdamW}};

OptionalVariable none_if_empty(const Variable& x) { return x ? OptionalVariable(x) : std::nullopt; }

// What the value of a variable may be kept in: an array nobody else writes to, with its padding.
Tensor own_value(const Context& ctx, const Batch& value) { return tensor_from(ctx, value); }

Variable new_variable(const Batch& value, bool needs_gradient, int n_threads,
                      const std::string& device) {
  const Context ctx = context_on(device, 0, n_threads);
  return {ctx, own_value(ctx, value), needs_gradient};
}

void assign_value(const Variable& self, const Batch& value) {
  self.assign(own_value(self.context(), value));
}

float item_of(const Variable& self) {
  require(self.rows() == 1 && self.cols() == 1, "item", [&] {
    return "a variable of shape " + shape_string(self.rows(), self.cols()) + " is no number";
  });
  return self.value().to(host_memory()).data()[0];
}

DescentRule rule_named(const std::string& name) { return named_choice(kRules, name, "rule"); }

Variable loss_of(const std::string& kind, const Variable& prediction,
                 const OptionalVariable& log_variance, const OptionalVariable& target, double scale,
                 bool plain) {
  const LossKind which = named_choice(kLosses, kind, "loss");
  const LossOperands operands{prediction, or_none(log_variance), or_none(target)};
  return plain ? plain_loss(which, operands, scale) : loss(which, operands, scale);
}

Variable dense_of(const Variable& x, const Variable& weight, const OptionalVariable& bias,
                  const std::string& function, float alpha, bool plain) {
  const Function f = function_named(function, alpha);
  return plain ? plain_dense(x, weight, or_none(bias), f) : dense(x, weight, or_none(bias), f);
}

Draw draw_of(uint64_t seed, uint64_t draw, Layer layer) {
  return {seed, stream_of(draw, layer), 0};
}

void bind_variable(py::module_& m) {
  py::class_<Variable>(m, "Variable", "A matrix that remembers how it was computed.")
      .def(py::init(&new_variable), py::arg("value"), py::arg("needs_gradient") = false,
           py::arg("n_threads") = 0, py::arg("device") = "cpu")
      .def_property_readonly("rows", &Variable::rows)
      .def_property_readonly("cols", &Variable::cols)
      .def_property_readonly("needs_gradient", &Variable::needs_gradient)
      .def_property_readonly("leaf", &Variable::leaf)
      .def_property_readonly("device", [](const Variable& x) { return x.context().backend().name; })
      .def_property_readonly("n_threads",
                             [](const Variable& x) { return x.context().threads_requested(); })
      .def("to_numpy", [](const Variable& x) { return array_from(x.value()); })
      .def("item", &item_of)
      .def("detached", &Variable::detached)
      .def("assign", &assign_value, py::arg("value"))
      .def(
          "same", [](const Variable& x, const Variable& y) { return x.node() == y.node(); },
          py::arg("other"), "Whether both are one variable.")
      .def_property(
          "gradient", [](const Variable& x) { return none_if_empty(x.gradient()); },
          [](const Variable& x, const OptionalVariable& g) { x.set_gradient(or_none(g)); });
}

void bind_functions(py::module_& m) {
  m.def(
      "map",
      [](const std::string& f, const Variable& x, float alpha) {
        return map(function_named(f, alpha), x);
      },
      py::arg("function"), py::arg("x"), py::arg("alpha") = 0.0f);
  m.def(
      "combine",
      [](const std::string& kind, const Variable& a, const Variable& b) {
        return combine(named_choice(kArithmetic, kind, "arithmetic"), a, b);
      },
      py::arg("kind"), py::arg("a"), py::arg("b"));
  m.def("affine", &affine, py::arg("x"), py::arg("p"), py::arg("r") = 0.0);
  m.def("matmul", &matmul, py::arg("a"), py::arg("ta"), py::arg("b"), py::arg("tb"));
  m.def("transpose", &transpose, py::arg("x"));
  m.def("sum_to", &sum_to, py::arg("x"), py::arg("rows"), py::arg("cols"), py::arg("scale") = 1.0);
  m.def("broadcast_to", &broadcast_to, py::arg("x"), py::arg("rows"), py::arg("cols"));
  m.def("reshape", &reshape, py::arg("x"), py::arg("rows"), py::arg("cols"));
  m.def(
      "normal",
      [](int64_t rows, int64_t cols, uint64_t seed, uint64_t draw, int n_threads,
         const std::string& device) {
        return normal(context_on(device, 0, n_threads), rows, cols,
                      draw_of(seed, draw, Layer::kLatent));
      },
      py::arg("rows"), py::arg("cols"), py::arg("seed"), py::arg("draw"), py::arg("n_threads") = 0,
      py::arg("device") = "cpu");
  m.def(
      "dropout",
      [](const Variable& x, float rate, uint64_t seed, uint64_t draw) {
        return dropout(x, rate, draw_of(seed, draw, Layer::kDropout));
      },
      py::arg("x"), py::arg("rate"), py::arg("seed"), py::arg("draw"));
  m.def("dense", &dense_of, py::arg("x"), py::arg("weight"), py::arg("bias") = py::none(),
        py::arg("function") = "identity", py::arg("alpha") = 0.0f, py::arg("plain") = false);
  m.def("loss", &loss_of, py::arg("kind"), py::arg("prediction"),
        py::arg("log_variance") = py::none(), py::arg("target") = py::none(),
        py::arg("scale") = 1.0, py::arg("plain") = false);
}

void bind_reverse_mode(py::module_& m) {
  m.def("set_recording", &set_recording, py::arg("on"),
        "Whether this thread's results remember how they were computed; returns what was.");
  m.def(
      "gradients",
      [](const Variable& of, const std::vector<Variable>& by, const OptionalVariable& seed,
         bool differentiable) { return gradients(of, or_none(seed), by, differentiable); },
      py::arg("of"), py::arg("by"), py::arg("seed") = py::none(), py::arg("differentiable") = false,
      "Of the sum of seed * of; ones are the default.");
  m.def(
      "backward",
      [](const Variable& of, const OptionalVariable& seed, bool differentiable) {
        backward(of, or_none(seed), differentiable);
      },
      py::arg("of"), py::arg("seed") = py::none(), py::arg("differentiable") = false,
      "Adds the gradients to those of the leaves.");
}

py::tuple optimizer_state(const Optimizer& self) {
  py::list first, second;
  for (size_t i = 0; i < self.parameters().size(); ++i) {
    first.append(array_from(self.first(i)));
    second.append(array_from(self.second(i)));
  }
  return py::make_tuple(self.steps(), first, second);
}

void restore_optimizer(Optimizer& self, int64_t steps, const std::vector<FloatArray>& first,
                       const std::vector<FloatArray>& second) {
  const auto tensors = [&](const std::vector<FloatArray>& arrays) {
    std::vector<Tensor> out;
    for (const FloatArray& x : arrays)
      out.push_back(tensor_from(self.parameters()[0].context(), x));
    return out;
  };
  self.restore(steps, tensors(first), tensors(second));
}

void bind_optimizer(py::module_& m) {
  py::class_<DescentSettings>(m, "DescentSettings", "The numbers of an optimiser.")
      .def(py::init<>())
      .def_readwrite("rate", &DescentSettings::rate)
      .def_readwrite("momentum", &DescentSettings::momentum)
      .def_readwrite("decay", &DescentSettings::decay)
      .def_readwrite("epsilon", &DescentSettings::epsilon)
      .def_readwrite("weight_decay", &DescentSettings::weight_decay);
  py::class_<Optimizer>(m, "Optimizer", "Moves parameters against their gradients.")
      .def(py::init([](const std::vector<Variable>& parameters, const std::string& rule,
                       const DescentSettings& settings) {
             return Optimizer(parameters, rule_named(rule), settings);
           }),
           py::arg("parameters"), py::arg("rule"), py::arg("settings"))
      .def("step", &Optimizer::step, "-1, or the index of a parameter that would have diverged.")
      .def("clear_gradients", &Optimizer::clear_gradients)
      .def_property(
          "settings", [](Optimizer& self) { return self.settings(); },
          [](Optimizer& self, const DescentSettings& now) { self.settings() = now; })
      .def("state", &optimizer_state, "(steps, first averages, second averages).")
      .def("restore", &restore_optimizer, py::arg("steps"), py::arg("first"), py::arg("second"));
}

}  // namespace

Function function_named(const std::string& name, float alpha) {
  return {named_choice(kFunctions, name, "function"), alpha};
}

}  // namespace gibbslab::nn

namespace gibbslab {

void bind_nn(py::module_& m) {
  nn::bind_variable(m);
  nn::bind_functions(m);
  nn::bind_reverse_mode(m);
  nn::bind_optimizer(m);
}

}  // namespace gibbslab
