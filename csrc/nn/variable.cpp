#include "csrc/nn/variable.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "csrc/core/error.h"
#include "csrc/core/faults.h"
#include "csrc/nn/operations.h"

namespace gibbslab::nn {
namespace {

thread_local bool t_recording = true;

// Every node that `of` depends on and that needs a gradient: inputs before results.
std::vector<Variable> in_order(const Variable& of) {
  struct Visit {
    Variable variable;
    size_t next = 0;
  };
  std::vector<Variable> out;
  std::unordered_set<Node*> seen{of.node()};
  std::vector<Visit> stack{{of}};
  while (!stack.empty()) {
    Visit& top = stack.back();
    const std::vector<Variable>& inputs = top.variable.node()->inputs;
    if (top.next == inputs.size()) {
      out.push_back(top.variable);
      stack.pop_back();
      continue;
    }
    const Variable input = inputs[top.next++];
    if (input.needs_gradient() && seen.insert(input.node()).second) stack.push_back({input});
  }
  return out;
}

void require_unchanged(const Node& node) {
  for (size_t i = 0; i < node.inputs.size(); ++i)
    require(node.inputs[i].node()->version == node.used_version[i], "backward", [] {
      return "a parameter has changed since it was used: compute the loss again before backward";
    });
}

Variable ones(const Variable& like) {
  const Context& ctx = like.context();
  return broadcast_to(filled(ctx, 1, 1, 1.0f), like.rows(), like.cols());
}

Variable seed_of(const Variable& of, const Variable& seed) {
  if (!seed) return ones(of);
  require(seed.rows() == of.rows() && seed.cols() == of.cols(), "backward", [&] {
    return "the gradient must have shape " + shape_string(of.rows(), of.cols()) + ", got " +
           shape_string(seed.rows(), seed.cols());
  });
  return seed;
}

// One sweep from a result back to the variables that are asked for.
class Sweep {
 public:
  Sweep(const Variable& of, const std::vector<Variable>& by, bool differentiable)
      : order_(in_order(of)), differentiable_(differentiable) {
    for (const Variable& x : by) wanted_.insert(x.node());
    for (const Variable& x : order_) {
      const std::vector<Variable>& inputs = x.node()->inputs;
      if (wanted_.count(x.node()) != 0 ||
          std::any_of(inputs.begin(), inputs.end(), [&](const Variable& y) { return leads(y); }))
        leading_.insert(x.node());
    }
  }

  void run(const Variable& of, const Variable& seed) {
    gradient_[of.node()] = seed;
    for (auto x = order_.rbegin(); x != order_.rend(); ++x) {
      const auto found = gradient_.find(x->node());
      if (found == gradient_.end() || !leads(*x) || x->leaf()) continue;
      const Variable gradient = found->second;
      if (wanted_.count(x->node()) == 0) gradient_.erase(found);  // its storage may serve again
      pass_on(*x, gradient);
    }
  }

  Variable of(const Variable& x) const {
    const auto found = gradient_.find(x.node());
    return found == gradient_.end() ? filled(x.context(), x.rows(), x.cols(), 0.0f) : found->second;
  }

 private:
  bool leads(const Variable& x) const { return leading_.count(x.node()) != 0; }

  void pass_on(const Variable& x, const Variable& gradient) {
    const Node& node = *x.node();
    require_unchanged(node);
    std::vector<bool> needs;
    for (const Variable& input : node.inputs) needs.push_back(leads(input));
    Backprop step(x, gradient, differentiable_, needs);
    node.backward(step);
    for (size_t i = 0; i < node.inputs.size(); ++i)
      if (needs[i] && step.given(i)) accumulate(node.inputs[i].node(), step.given(i));
  }

  void accumulate(Node* node, const Variable& gradient) {
    Variable& sum = gradient_[node];
    sum = sum && !fault("gradient_of_last_use") ? add(sum, gradient) : gradient;
  }

  std::vector<Variable> order_;
  bool differentiable_;
  std::unordered_set<Node*> wanted_, leading_;
  std::unordered_map<Node*, Variable> gradient_;
};

}  // namespace

Variable::Variable(const Context& ctx, Tensor value, bool needs_gradient)
    : node_(std::make_shared<Node>(ctx, std::move(value))) {
  node_->needs_gradient = needs_gradient;
}

Variable::Variable(Tensor value, std::vector<Variable> inputs, Backward backward)
    : node_(std::make_shared<Node>(inputs[0].context(), std::move(value))) {
  if (!t_recording || std::none_of(inputs.begin(), inputs.end(),
                                   [](const Variable& x) { return x.needs_gradient(); }))
    return;
  node_->needs_gradient = true;
  for (const Variable& x : inputs) node_->used_version.push_back(x.node()->version);
  node_->inputs = std::move(inputs);
  node_->backward = std::move(backward);
}

const Context& Variable::context() const { return node_->ctx; }
const Tensor& Variable::value() const { return node_->value; }
bool Variable::needs_gradient() const { return node_->needs_gradient; }
bool Variable::leaf() const { return node_->inputs.empty(); }
Variable Variable::detached() const { return {node_->ctx, node_->value}; }
Variable Variable::gradient() const { return node_->gradient; }

void Variable::set_gradient(const Variable& gradient) const { node_->gradient = gradient; }

void Variable::assign(Tensor value) const {
  require(leaf(), "assign", [] { return "only a variable that is no result can be assigned"; });
  require(value.rows() == rows() && value.cols() == cols(), "assign", [&] {
    return "the value must have shape " + shape_string(rows(), cols()) + ", got " +
           shape_string(value.rows(), value.cols());
  });
  node_->value = std::move(value);
  ++node_->version;
}

Node::~Node() {
  std::vector<std::shared_ptr<Node>> pending;
  const auto take = [&](std::vector<Variable>& inputs) {
    for (Variable& x : inputs) pending.push_back(std::move(x.node_));
    inputs.clear();
  };
  take(inputs);
  while (!pending.empty()) {
    const std::shared_ptr<Node> node = std::move(pending.back());
    pending.pop_back();
    if (node.use_count() == 1) take(node->inputs);
  }
}

Backprop::Backprop(Variable output, Variable gradient, bool differentiable, std::vector<bool> needs)
    : output_(std::move(output)),
      gradient_(std::move(gradient)),
      differentiable_(differentiable),
      needs_(std::move(needs)),
      given_(needs_.size()) {}

std::vector<Variable> gradients(const Variable& of, const Variable& seed,
                                const std::vector<Variable>& by, bool differentiable) {
  Sweep sweep(of, by, differentiable);
  sweep.run(of, seed_of(of, differentiable || !seed ? seed : seed.detached()));
  std::vector<Variable> out;
  for (const Variable& x : by) out.push_back(sweep.of(x));
  return out;
}

bool set_recording(bool on) { return std::exchange(t_recording, on); }

void backward(const Variable& of, const Variable& seed, bool differentiable) {
  require(of.needs_gradient(), "backward",
          [] { return "the result depends on no variable that needs a gradient"; });
  std::vector<Variable> leaves;
  for (const Variable& x : in_order(of))
    if (x.leaf()) leaves.push_back(x);
  const std::vector<Variable> found = gradients(of, seed, leaves, differentiable);
  for (size_t i = 0; i < leaves.size(); ++i) {
    const Variable before = leaves[i].gradient();
    leaves[i].set_gradient(before ? add(before, found[i]) : found[i]);
  }
}

}  // namespace gibbslab::nn
