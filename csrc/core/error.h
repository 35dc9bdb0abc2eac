// Errors of the core. Messages start with the operation in brackets and name the argument.
#pragma once

#include <stdexcept>
#include <string>

namespace gibbslab {

// A caller's mistake: becomes ValueError.
struct ShapeError : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

// The device's or the machine's fault: becomes RuntimeError.
struct DeviceError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Ctrl-C seen by the poll hook; the Python error is already set when this is thrown.
struct Interrupted : std::exception {
  const char* what() const noexcept override { return "interrupted"; }
};

// `message()` is called only when the condition fails: checks stand in every operation of a step.
template <class Message>
void require(bool condition, const char* op, const Message& message) {
  if (!condition) throw ShapeError(std::string("[") + op + "] " + message());
}

}  // namespace gibbslab
