// Functions of NVIDIA's libraries, found at run time: a leaf, whose twin is the emulator's own.
#pragma once

#include <dlfcn.h>

#include <initializer_list>

#ifdef GIBBSLAB_EMULATED
#include "emulator/library.h"
#endif

namespace gibbslab {

#define GIBBSLAB_STRING_OF(name) #name
// cuBLAS renames its functions by macros: the string must be made after they are expanded.
#define GIBBSLAB_NAME_OF(name) GIBBSLAB_STRING_OF(name)
#define GIBBSLAB_LIBRARY_FUNCTION(library, name) \
  reinterpret_cast<decltype(&name)>(library_symbol(library, GIBBSLAB_NAME_OF(name)))

#ifdef GIBBSLAB_EMULATED
inline void* open_library(std::initializer_list<const char*>) { return nullptr; }
inline void* library_symbol(void*, const char* name) { return gibbslab_emulator_symbol(name); }
#else
// The first of the names that the system's loader finds, or that is loaded already.
inline void* open_library(std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (void* library = dlopen(name, RTLD_NOW | RTLD_LOCAL)) return library;
  return nullptr;
}
inline void* library_symbol(void* library, const char* name) {
  return library != nullptr ? dlsym(library, name) : nullptr;
}
#endif

}  // namespace gibbslab
