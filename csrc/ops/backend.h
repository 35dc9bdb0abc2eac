// A backend is a table of op families. Layers above ops never name a device.
#pragma once

#include <string>

#include "csrc/ops/elementwise.h"
#include "csrc/ops/linalg.h"
#include "csrc/ops/optim.h"
#include "csrc/ops/random.h"
#include "csrc/ops/reduce.h"
#include "csrc/ops/sampling.h"

namespace gibbslab {

struct Backend {
  std::string name;
  ElementwiseOps& elementwise;
  LinalgOps& linalg;
  RandomOps& random;
  SamplingOps& sampling;
  ReduceOps& reduce;
  OptimOps& optim;
};

// The CPU backend; always there.
Backend& cpu_backend();

}  // namespace gibbslab
