// Functions of NVIDIA's libraries, found at run time: a leaf, whose twin is the emulator's own.
#pragma once

#include <dlfcn.h>

#include <cstdlib>
#include <initializer_list>

namespace gibbslab {

#ifdef GIBBSLAB_EMULATED
// GIBBSLAB_EMULATOR_LIBRARIES=0 imitates a machine that lacks them.
inline void* open_library(std::initializer_list<const char*>) {
  static int here;
  const char* setting = std::getenv("GIBBSLAB_EMULATOR_LIBRARIES");
  return setting != nullptr && *setting == '0' ? nullptr : &here;
}
#define GIBBSLAB_LIBRARY_FUNCTION(library, name) ((library) != nullptr ? &name : nullptr)
#else
// The first of the names that the system's loader finds, or that is loaded already.
inline void* open_library(std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (void* library = dlopen(name, RTLD_NOW | RTLD_LOCAL)) return library;
  return nullptr;
}
#define GIBBSLAB_STRING_OF(name) #name
// cuBLAS renames its functions by macros: the string must be made after they are expanded.
#define GIBBSLAB_NAME_OF(name) GIBBSLAB_STRING_OF(name)
#define GIBBSLAB_LIBRARY_FUNCTION(library, name)                                   \
  ((library) != nullptr                                                            \
       ? reinterpret_cast<decltype(&name)>(dlsym(library, GIBBSLAB_NAME_OF(name))) \
       : nullptr)
#endif

}  // namespace gibbslab
