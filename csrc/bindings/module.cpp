#include <pybind11/pybind11.h>

#include "csrc/bindings/bindings.h"
#include "csrc/core/error.h"
#include "csrc/core/interrupt.h"

namespace py = pybind11;

namespace {

bool python_wants_to_stop() {
  py::gil_scoped_acquire gil;
  return PyErr_CheckSignals() != 0;
}

}  // namespace

PYBIND11_MODULE(_core, m) {
  m.doc() = "The C++ core of gibbslab. Private: use the classes of the package.";
  gibbslab::set_interrupt_hook(python_wants_to_stop);
  py::register_exception_translator([](std::exception_ptr p) {
    try {
      if (p) std::rethrow_exception(p);
    } catch (const gibbslab::Interrupted&) {
      // PyErr_CheckSignals has set KeyboardInterrupt already.
      if (!PyErr_Occurred()) PyErr_SetNone(PyExc_KeyboardInterrupt);
    }
  });
  gibbslab::bind_config(m);
  gibbslab::bind_devices(m);
  gibbslab::bind_device_array(m);
  gibbslab::bind_random(m);
  gibbslab::bind_data(m);
  gibbslab::bind_rbm(m);
  gibbslab::bind_classification(m);
  gibbslab::bind_tempering(m);
  gibbslab::bind_trainer(m);
  gibbslab::bind_dbm(m);
  gibbslab::bind_ising(m);
  gibbslab::bind_dbn(m);
  gibbslab::bind_ops(m);
  py::module_ units = m.def_submodule("units", "RBMs of every pair of unit types.");
  gibbslab::bind_unit_rbm(units);
  gibbslab::bind_unit_trainer(units);
  gibbslab::bind_unit_ops(m);
  py::module_ nn = m.def_submodule("nn", "Variables, their operations and their optimisers.");
  gibbslab::bind_nn(nn);
  gibbslab::bind_layers(nn);
  gibbslab::bind_vae(nn);
}
