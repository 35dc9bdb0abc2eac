// Fully connected layers in a row, for training steps that are planned ahead: buffers are kept from
// step to step, and no graph is built.
#pragma once

#include <vector>

#include "csrc/nn/variable.h"
#include "csrc/ops/dense.h"

namespace gibbslab::nn {

// f(x W^T + b); the parameters are leaves: W (O, I), b (1, O).
struct ChainLayer {
  Variable weight, bias;
  Function activation;
};

class Chain {
 public:
  Chain(const Context& ctx, std::vector<ChainLayer> layers);

  const std::vector<ChainLayer>& layers() const { return layers_; }
  Function last_activation() const { return layers_.back().activation; }

  // The last layer's value, (N, O). It and the values between stay until the next call.
  const Tensor& forward(const Tensor& x);
  // After forward(x): sets the gradients of all parameters, from `dz` (N, O) at the input to the
  // last layer's activation. Where `out` is given, as ops::dense_backward has it: the gradient at
  // the input to the activation `below`, which gave x.
  void backward(const Tensor& x, const Tensor& dz, Tensor* out = nullptr, Function below = {},
                bool accumulate = false);
  // Hands the gradients of the latest backward() to the parameters once more.
  void give_gradients() const;
  // Adds where the parameters' values lie.
  void add_places(std::vector<const void*>& out) const;

 private:
  struct Buffers {
    Tensor value, dz;                       // (N, O)
    Tensor weight_gradient, bias_gradient;  // as the parameters
  };

  Context ctx_;
  std::vector<ChainLayer> layers_;
  std::vector<Buffers> buffers_;
};

// A (rows, cols) tensor: `kept` where it has this shape already.
void reserve(const Context& ctx, int64_t rows, int64_t cols, Tensor& kept);

}  // namespace gibbslab::nn
