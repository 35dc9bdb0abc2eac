// A backend in a shared library of its own, opened when a model first asks for it.
#pragma once

#include <string>

#include "csrc/core/interrupt.h"

namespace gibbslab {

struct Backend;

// What a plug-in exports, as `gibbslab_plugin`: the backend, or null with the reason in `why`
// (at most `size` bytes with the closing zero). Both sides must come from one build.
using PluginEntry = Backend* (*)(const char* version, InterruptHook poll, char* why, int size);

// Opens the library at `path` and asks it for its backend; null with the reason in `why` when the
// library cannot be opened, is of another version, or finds nothing to compute on.
Backend* open_plugin(const std::string& path, std::string& why);

}  // namespace gibbslab
