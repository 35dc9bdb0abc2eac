#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <string>
#include <vector>

#include "csrc/bindings/bindings.h"
#include "csrc/core/faults.h"
#include "csrc/core/thread_pool.h"
#include "csrc/cpu/blas.h"
#include "csrc/cpu/kernels.h"

// threadpoolctl finds these by name, through the controller that the Python side registers.
extern "C" {
__attribute__((visibility("default"))) int gibbslab_get_num_threads() {
  return gibbslab::thread_limit();
}
__attribute__((visibility("default"))) void gibbslab_set_num_threads(int n) {
  gibbslab::set_thread_limit(n);
}
}

namespace gibbslab {

namespace py = pybind11;

namespace of_config {

std::string compiler() {
#if defined(__clang__)
  return std::string("clang ") + __clang_version__;
#else
  return std::string("gcc ") + __VERSION__;
#endif
}

std::vector<std::string> available_isas() {
  std::vector<std::string> out;
  for (const char* name : {"baseline", "avx2", "avx512"})
    if (cpu::find_kernels(name) != nullptr) out.emplace_back(name);
  return out;
}

// SciPy exports its BLAS as capsules whose name is the C signature.
void use_blas(const py::capsule& sgemm, std::uintptr_t get_threads, std::uintptr_t set_threads) {
  cpu::set_blas(reinterpret_cast<cpu::Sgemm>(sgemm.get_pointer()),
                reinterpret_cast<cpu::GetThreads>(get_threads),
                reinterpret_cast<cpu::SetThreads>(set_threads));
}

}  // namespace of_config

void bind_config(py::module_& m) {
  using namespace of_config;
  m.attr("__version__") = GIBBSLAB_VERSION;
  m.attr("FAULTS_COMPILED_IN") = faults_compiled_in();
  m.def(
      "fault", [](const std::string& name) { return fault_is_planted(name.c_str()); },
      py::arg("name"), "Whether this fault is planted, for the tests of the tests.");
  m.def("compiler", &compiler, "Compiler and version that built the extension.");
  m.def(
      "isa", [] { return std::string(cpu::kernels().name); },
      "Instruction set of the kernels in use.");
  m.def("available_isas", &available_isas, "Instruction sets this machine can run, slowest first.");
  m.def("use_blas", &use_blas, py::arg("sgemm"), py::arg("get_threads"), py::arg("set_threads"),
        "Hand over SciPy's sgemm capsule and the addresses of its thread-count functions (or 0).");
  m.def(
      "drop_blas", [] { cpu::set_blas(nullptr, nullptr, nullptr); },
      "Go back to the blocked product.");
  m.def("has_blas", &cpu::has_blas, "Whether dense products use a BLAS.");
  m.def("thread_limit", &thread_limit, "Most threads a model may use.");
  m.def("set_thread_limit", &set_thread_limit, py::arg("limit"),
        "Cap the threads of every model; 0 removes the cap.");
}

}  // namespace gibbslab
