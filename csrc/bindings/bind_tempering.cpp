#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <utility>

#include "csrc/bindings/bindings.h"
#include "csrc/bindings/guard.h"
#include "csrc/bindings/numpy.h"
#include "csrc/core/error.h"
#include "csrc/core/interrupt.h"
#include "csrc/models/tempering.h"
#include "csrc/ops/backend.h"

namespace gibbslab {
namespace of_tempering {

constexpr const char* kWhat = "tempering";

// Replicas of a model of their own, which nobody trains meanwhile.
struct TemperingHolder {
  Rbm rbm;
  Tempering tempering;
  std::atomic<bool> busy{false};
};

std::unique_ptr<TemperingHolder> make(RbmHolder& model, std::vector<double> betas, int64_t n_chains,
                                      uint64_t seed) {
  const InUse guard(model.busy, kWhat);
  const Context& ctx = model.rbm.context();
  Rbm own(Context(ctx.backend(), seed, ctx.threads_requested()), model.rbm.visible_size(),
          model.rbm.hidden_size());
  own.set_weights(model.rbm.weights().get().clone());
  own.set_visible_bias(model.rbm.visible_bias().clone());
  own.set_hidden_bias(model.rbm.hidden_bias().clone());
  Tempering tempering(own, std::move(betas), n_chains);
  tempering.scatter(own);
  return std::unique_ptr<TemperingHolder>(
      new TemperingHolder{std::move(own), std::move(tempering), {false}});
}

// Every state is whole after an interrupt: it is looked for between sweeps only.
void run(TemperingHolder& self, int64_t sweeps) {
  const InUse guard(self.busy, kWhat);
  py::gil_scoped_release release;
  for (int64_t s = 0; s < sweeps; ++s) {
    self.tempering.sweep(self.rbm);
    poll_interrupt();
  }
}

// Visible probabilities and states drawn at beta = 1 from the hidden states there.
py::tuple draw(TemperingHolder& self) {
  const InUse guard(self.busy, kWhat);
  const int64_t cold = self.tempering.ladder().size() - 1;
  LayerState v;
  {
    py::gil_scoped_release release;
    const States hidden = self.tempering.hidden_at(self.rbm.context(), cold);
    v = self.rbm.half_step(hidden, Direction::kDown, 1.0f, true, true);
  }
  return py::make_tuple(array_from(v.mean), array_from(v.sample));
}

void set_hidden(TemperingHolder& self, const FloatArray& hidden) {
  const InUse guard(self.busy, kWhat);
  BitTensor bits = bits_from(self.rbm.context(), hidden, kWhat, "hidden");
  BitTensor& now = self.tempering.hidden();
  require(bits.rows() == now.rows() && bits.cols() == now.cols(), kWhat, [&] {
    return "hidden must have shape " + shape_string(now.rows(), now.cols()) + ", got " +
           shape_string(bits.rows(), bits.cols());
  });
  now = bits;
}

template <class Result>
auto guarded(Result (*get)(TemperingHolder&)) {
  return [get](TemperingHolder& self) {
    const InUse guard(self.busy, kWhat);
    return get(self);
  };
}

}  // namespace of_tempering

void bind_tempering(py::module_& m) {
  using namespace of_tempering;
  using Holder = TemperingHolder;
  py::class_<Holder>(m, "Tempering", "Parallel tempering of a copy of the model.")
      .def(py::init(&make), py::arg("rbm"), py::arg("betas"), py::arg("n_chains"),
           py::arg("seed") = 0)
      .def("run", &run, py::arg("sweeps"))
      .def(
          "equalise",
          [](Holder& s, double rate) {
            const InUse guard(s.busy, kWhat);
            s.tempering.ladder().equalise(rate);
          },
          py::arg("rate") = 1.0)
      .def("forget", guarded<void>([](Holder& s) { s.tempering.forget(); }))
      .def("draw", &draw)
      .def(
          "visible",
          [](Holder& s, int64_t t) {
            const InUse guard(s.busy, kWhat);
            return array_from(s.tempering.visible_at(s.rbm.context(), t));
          },
          py::arg("level"))
      .def(
          "hidden",
          [](Holder& s, int64_t t) {
            const InUse guard(s.busy, kWhat);
            return array_from(s.tempering.hidden_at(s.rbm.context(), t));
          },
          py::arg("level"))
      .def("set_hidden", &set_hidden, py::arg("hidden"))
      .def_property_readonly("betas", guarded<py::array_t<double>>([](Holder& s) {
                               return array_from(s.tempering.ladder().betas());
                             }))
      .def_property_readonly("swap_rates", guarded<py::array_t<double>>([](Holder& s) {
                               return array_from(s.tempering.ladder().swap_rates());
                             }))
      .def_property_readonly("round_trips",
                             guarded<int64_t>([](Holder& s) { return s.tempering.round_trips(); }))
      .def_property_readonly("sweeps",
                             guarded<int64_t>([](Holder& s) { return s.tempering.sweeps(); }));
}

}  // namespace gibbslab
