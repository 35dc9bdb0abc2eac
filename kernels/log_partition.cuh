// log Z of a small Bernoulli RBM by enumeration.
#pragma once

#include "csrc/ops/reduce.h"

namespace gibbslab::cuda {

double enumerate_log_partition(const RbmView& rbm);

}  // namespace gibbslab::cuda
