// The giving end of DLPack.
#pragma once

#include "csrc/bindings/device_array.h"

namespace gibbslab {

// What DeviceArray.__dlpack__ returns, by the rules of the Python array API standard:
// stream: the reader's queue, None for the legacy default one, -1 for no waiting.
// max_version: (1, 0) or later gives a versioned capsule, which alone can carry read-only arrays.
// dl_device: None or (2, 0). copy: whether the capsule owns a copy.
py::object dlpack_capsule(const DeviceArray& x, const py::object& stream,
                          const py::object& max_version, const py::object& dl_device,
                          const py::object& copy);

}  // namespace gibbslab
