// The check that most operations begin with.
#pragma once

#include <string>

#include "csrc/core/error.h"
#include "csrc/core/tensor.h"

namespace gibbslab {

template <class T>
void require_shape(const char* op, const char* name, const T& x, int64_t rows, int64_t cols) {
  require(x.rows() == rows && x.cols() == cols, op, [&] {
    return std::string(name) + " must have shape " + shape_string(rows, cols) + ", got " +
           shape_string(x.rows(), x.cols());
  });
}

// Of an operand that may be left out.
template <class T>
void require_shape_if_given(const char* op, const char* name, const T* x, int64_t rows,
                            int64_t cols) {
  if (x != nullptr) require_shape(op, name, *x, rows, cols);
}

}  // namespace gibbslab
