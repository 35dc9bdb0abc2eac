// The backends by name: "cpu" always, "cuda" once its plug-in is loaded.
#pragma once

#include <string>

#include "csrc/core/context.h"

namespace gibbslab {

// Throws ShapeError where no backend of that name is loaded.
Backend& backend_named(const std::string& device);

inline Context context_on(const std::string& device, uint64_t seed = 0, int n_threads = 0) {
  return {backend_named(device), seed, n_threads};
}

}  // namespace gibbslab
