// Stands in for CUDA's header of this name: the kernels and launchers compile against it.
#pragma once

#include "cuda_runtime_api.h"
#include "emulator/atomics.h"
#include "emulator/engine.h"
#include "emulator/intrinsics.h"
#include "emulator/launch.h"
#include "emulator/qualifiers.h"
#include "emulator/warp.h"
