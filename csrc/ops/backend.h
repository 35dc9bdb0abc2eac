// A backend is a table of op families. Layers above ops never name a device.
#pragma once

#include <string>

#include "csrc/ops/arithmetic.h"
#include "csrc/ops/cd_run.h"
#include "csrc/ops/chains.h"
#include "csrc/ops/conv.h"
#include "csrc/ops/dense.h"
#include "csrc/ops/descent.h"
#include "csrc/ops/elementwise.h"
#include "csrc/ops/linalg.h"
#include "csrc/ops/loss.h"
#include "csrc/ops/mean_field.h"
#include "csrc/ops/norm.h"
#include "csrc/ops/optim.h"
#include "csrc/ops/random.h"
#include "csrc/ops/reduce.h"
#include "csrc/ops/replay.h"
#include "csrc/ops/sampling.h"
#include "csrc/ops/units.h"
#include "csrc/ops/upsample.h"

namespace gibbslab {

struct Backend {
  std::string name;
  Memory& memory;             // where the operands of its operations lie
  std::string (*describe)();  // the hardware, in words
  ElementwiseOps& elementwise;
  LinalgOps& linalg;
  RandomOps& random;
  SamplingOps& sampling;
  ReduceOps& reduce;
  OptimOps& optim;
  ChainOps& chains;
  UnitOps& units;
  CdRunOps& cd_run;
  MeanFieldOps& mean_field;
  ArithmeticOps& arithmetic;
  DenseOps& dense;
  ConvOps& conv;
  NormOps& norm;
  UpsampleOps& upsample;
  LossOps& loss;
  DescentOps& descent;
  ReplayOps& replay;
};

namespace ops {

// New tensors where the context computes; see Tensor and BitTensor.
Tensor zeros(const Context& ctx, int64_t rows, int64_t cols);
Tensor empty(const Context& ctx, int64_t rows, int64_t cols);
BitTensor zero_bits(const Context& ctx, int64_t rows, int64_t cols);

}  // namespace ops

// The CPU backend; always there.
Backend& cpu_backend();

}  // namespace gibbslab
