// Tensors that remember how they were computed: reverse mode whose result can be differentiated
// again.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "csrc/core/context.h"
#include "csrc/core/tensor.h"

namespace gibbslab::nn {

class Backprop;
struct Node;

// Gives the inputs' share of a gradient, by operations on variables only. It must capture no
// variable: graphs are taken apart without recursion.
using Backward = std::function<void(Backprop&)>;

// A (rows, cols) value on the device of its context. A handle: copies are the same variable. Values
// are never written in place; assign() gives a leaf another one.
class Variable {
 public:
  Variable() = default;
  // A leaf. `value` is padded and nothing else writes to it.
  Variable(const Context& ctx, Tensor value, bool needs_gradient = false);
  // The result of an operation; a constant when no input needs a gradient.
  Variable(Tensor value, std::vector<Variable> inputs, Backward backward);

  explicit operator bool() const { return node_ != nullptr; }
  const Context& context() const;
  const Tensor& value() const;
  int64_t rows() const { return value().rows(); }
  int64_t cols() const { return value().cols(); }
  bool needs_gradient() const;
  bool leaf() const;
  // The same value as a constant.
  Variable detached() const;

  void assign(Tensor value) const;
  // What backward() has added up for this leaf; empty at first.
  Variable gradient() const;
  void set_gradient(const Variable& gradient) const;

  Node* node() const { return node_.get(); }

 private:
  friend struct Node;
  std::shared_ptr<Node> node_;
};

struct Node {
  Node(const Context& context, Tensor tensor) : ctx(context), value(std::move(tensor)) {}
  ~Node();

  Context ctx;
  Tensor value;
  bool needs_gradient = false;
  uint64_t version = 0;                // of a leaf's value
  std::vector<Variable> inputs;        // none where no gradient is needed
  std::vector<uint64_t> used_version;  // of each input
  Backward backward;
  Variable gradient;
};

// What a backward function sees of its operation.
class Backprop {
 public:
  Backprop(Variable output, Variable gradient, bool differentiable, std::vector<bool> needs);

  // Of the result; (rows, cols) of it.
  const Variable& gradient() const { return gradient_; }
  Variable output() const { return seen(output_); }
  Variable input(size_t i) const { return seen(output_.node()->inputs[i]); }
  size_t inputs() const { return needs_.size(); }
  // Whether the gradient of an input is asked for.
  bool needs(size_t i) const { return needs_[i]; }
  // Whether what is given will be differentiated: then output() and inputs() are no constants.
  bool differentiable() const { return differentiable_; }

  void give(size_t i, Variable gradient) { given_[i] = std::move(gradient); }
  const Variable& given(size_t i) const { return given_[i]; }

 private:
  Variable seen(const Variable& x) const { return differentiable_ ? x : x.detached(); }

  Variable output_, gradient_;
  bool differentiable_;
  std::vector<bool> needs_;
  std::vector<Variable> given_;
};

// The gradients of sum(seed * of) by each of `by`, constants unless `differentiable`; an empty seed
// stands for ones. Zeros where `of` does not depend on one. ShapeError where a leaf has been
// assigned another value since it was used.
std::vector<Variable> gradients(const Variable& of, const Variable& seed,
                                const std::vector<Variable>& by, bool differentiable = false);

// Whether results of this thread remember how they were computed, as they do at first; returns what
// was. Where they do not, they are constants.
bool set_recording(bool on);

// Adds the gradients by every leaf that needs one to the leaf's own.
void backward(const Variable& of, const Variable& seed = {}, bool differentiable = false);

}  // namespace gibbslab::nn
