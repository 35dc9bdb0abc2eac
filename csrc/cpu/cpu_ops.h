// The CPU implementations of the op families.
#pragma once

#include "csrc/cpu/kernels.h"
#include "csrc/ops/backend.h"

namespace gibbslab::cpu {

ElementwiseOps& elementwise_ops();
LinalgOps& linalg_ops();
MeanFieldOps& mean_field_ops();
RandomOps& random_ops();
SamplingOps& sampling_ops();
ReduceOps& reduce_ops();
OptimOps& optim_ops();
UnitOps& unit_ops();
ArithmeticOps& arithmetic_ops();
DenseOps& dense_ops();
ConvOps& conv_ops();
NormOps& norm_ops();
UpsampleOps& upsample_ops();
LossOps& loss_ops();
DescentOps& descent_ops();

// Exact log Z; its own file for its size.
double enumerate_log_partition(const Context& ctx, const RbmView& rbm);

}  // namespace gibbslab::cpu
