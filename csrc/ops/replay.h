// Work that is asked for again and again, with the same operands in the same places: a backend may
// record it and then do all of it at once.
#pragma once

#include <functional>
#include <memory>

#include "csrc/core/context.h"

namespace gibbslab {

struct Recording {
  virtual ~Recording() = default;
  // Does the recorded work. Numbers that were given by value are those of the recording; operands
  // and stored values (csrc/core/stored.h) are read anew, and must still be where they were.
  virtual void replay() = 0;
};

// What a backend without recordings says.
struct ReplayOps {
  virtual ~ReplayOps() = default;
  // Calls `work`, whose operations are recorded and not done, and must not hand anything to the
  // host; or returns null, and has called nothing.
  virtual std::unique_ptr<Recording> record(const std::function<void()>& work);
};

}  // namespace gibbslab
