#include "csrc/core/plugin.h"

#include <dlfcn.h>

namespace gibbslab {

Backend* open_plugin(const std::string& path, std::string& why) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    why = std::string("the plug-in cannot be opened: ") + dlerror();
    return nullptr;
  }
  const auto entry = reinterpret_cast<PluginEntry>(dlsym(library, "gibbslab_plugin"));
  if (entry == nullptr) {
    why = "'" + path + "' is no plug-in of gibbslab";
    return nullptr;
  }
  char reason[512] = "";
  Backend* backend = entry(GIBBSLAB_VERSION, interrupt_hook(), reason, sizeof(reason));
  if (backend == nullptr) why = reason;
  return backend;  // the library stays open: its code runs until the process ends
}

}  // namespace gibbslab
