#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <map>
#include <mutex>
#include <vector>

#include "csrc/bindings/bindings.h"
#include "csrc/bindings/devices.h"
#include "csrc/core/error.h"
#include "csrc/core/plugin.h"
#include "csrc/ops/backend.h"

namespace gibbslab {
namespace {

std::mutex g_mutex;
std::map<std::string, Backend*>& plugins() {
  static std::map<std::string, Backend*> loaded;
  return loaded;
}

// An empty string when the backend is there, else why it is not.
std::string load_plugin(const std::string& path) {
  std::string why;
  Backend* backend = open_plugin(path, why);
  if (backend == nullptr) return why;
  std::lock_guard<std::mutex> lock(g_mutex);
  plugins()[backend->name] = backend;
  return "";
}

std::vector<std::string> devices() {
  std::lock_guard<std::mutex> lock(g_mutex);
  std::vector<std::string> names{"cpu"};
  for (const auto& [name, backend] : plugins()) names.push_back(name);
  return names;
}

}  // namespace

Backend& backend_named(const std::string& device) {
  if (device == "cpu") return cpu_backend();
  std::lock_guard<std::mutex> lock(g_mutex);
  const auto found = plugins().find(device);
  require(found != plugins().end(), "device",
          [&] { return "device must be one that is loaded, got '" + device + "'"; });
  return *found->second;
}

void bind_devices(pybind11::module_& m) {
  namespace py = pybind11;
  m.attr("BUILT_WITHOUT_CUDA") = built_without_cuda();
  m.def("load_plugin", &load_plugin, py::arg("path"),
        "Open a backend's library; returns why it cannot be used, or ''.",
        py::call_guard<py::gil_scoped_release>());
  m.def("devices", &devices, "The devices that are loaded.");
  m.def(
      "device_info", [](const std::string& device) { return backend_named(device).describe(); },
      py::arg("device"), "What a device is, in words.");
}

}  // namespace gibbslab
