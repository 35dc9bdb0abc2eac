// What module.cpp calls, one function per topic, and the Python-side holders they share. Several
// files are compiled as one: what a topic has for itself is in a namespace of its own.
#pragma once

#include <pybind11/pybind11.h>

#include <atomic>

#include "csrc/models/rbm.h"
#include "csrc/models/unit_rbm.h"

namespace gibbslab {

// A model with the flag that keeps a second thread out.
struct RbmHolder {
  Rbm rbm;
  std::atomic<bool> busy{false};
  explicit RbmHolder(Rbm model) : rbm(std::move(model)) {}
};

struct UnitRbmHolder {
  UnitRbm rbm;
  std::atomic<bool> busy{false};
  explicit UnitRbmHolder(UnitRbm model) : rbm(std::move(model)) {}
};

// Why there is no CUDA backend, or nothing; it lives in cuda_absent.cpp.
const char* built_without_cuda();

void bind_config(pybind11::module_& m);
void bind_devices(pybind11::module_& m);
void bind_device_array(pybind11::module_& m);
void bind_data(pybind11::module_& m);
void bind_random(pybind11::module_& m);
void bind_rbm(pybind11::module_& m);
void bind_dbm(pybind11::module_& m);
void bind_classification(pybind11::module_& m);
void bind_tempering(pybind11::module_& m);
void bind_dbn(pybind11::module_& m);
void bind_trainer(pybind11::module_& m);
void bind_ising(pybind11::module_& m);
void bind_unit_rbm(pybind11::module_& m);
void bind_unit_trainer(pybind11::module_& m);
void bind_ops(pybind11::module_& m);
// After bind_ops, whose submodule it adds to.
void bind_unit_ops(pybind11::module_& m);
void bind_nn(pybind11::module_& m);
// After bind_nn, whose submodule they add to.
void bind_layers(pybind11::module_& m);
void bind_vae(pybind11::module_& m);

}  // namespace gibbslab
