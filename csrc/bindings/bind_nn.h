// What the bindings of variables share.
#pragma once

#include <optional>
#include <string>

#include "csrc/core/neural.h"
#include "csrc/nn/variable.h"

namespace gibbslab::nn {

using OptionalVariable = std::optional<Variable>;

inline Variable or_none(const OptionalVariable& x) { return x ? *x : Variable(); }

// ShapeError for a name that no function has.
Function function_named(const std::string& name, float alpha);

}  // namespace gibbslab::nn
