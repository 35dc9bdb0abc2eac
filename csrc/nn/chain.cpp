#include "csrc/nn/chain.h"

#include "csrc/core/error.h"
#include "csrc/ops/backend.h"

namespace gibbslab::nn {

void reserve(const Context& ctx, int64_t rows, int64_t cols, Tensor& kept) {
  if (kept.rows() != rows || kept.cols() != cols) kept = ops::zeros(ctx, rows, cols);
}

Chain::Chain(const Context& ctx, std::vector<ChainLayer> layers)
    : ctx_(ctx), layers_(std::move(layers)), buffers_(layers_.size()) {
  require(!layers_.empty(), "Chain", [] { return "there must be a layer"; });
  for (size_t i = 0; i < layers_.size(); ++i) {
    const Variable& w = layers_[i].weight;
    require(i == 0 || layers_[i - 1].weight.rows() == w.cols(), "Chain", [&] {
      return "layer " + std::to_string(i) + " must take " +
             std::to_string(layers_[i - 1].weight.rows()) + " values, got weights of shape " +
             shape_string(w.rows(), w.cols());
    });
    buffers_[i].weight_gradient = ops::zeros(ctx_, w.rows(), w.cols());
    buffers_[i].bias_gradient = ops::zeros(ctx_, 1, w.rows());
  }
}

const Tensor& Chain::forward(const Tensor& x) {
  const Tensor* below = &x;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const ChainLayer& layer = layers_[i];
    reserve(ctx_, x.rows(), layer.weight.rows(), buffers_[i].value);
    ops::dense(ctx_, {below, &layer.weight.value(), &layer.bias.value(), layer.activation,
                      &buffers_[i].value});
    below = &buffers_[i].value;
  }
  return *below;
}

void Chain::backward(const Tensor& x, const Tensor& dz, Tensor* out, Function below,
                     bool accumulate) {
  const Tensor* gradient = &dz;
  for (size_t i = layers_.size(); i-- > 0;) {
    DenseBackward job;
    job.dz = gradient;
    job.weight = &layers_[i].weight.value();
    job.weight_gradient = &buffers_[i].weight_gradient;
    job.bias_gradient = &buffers_[i].bias_gradient;
    if (i > 0) {
      reserve(ctx_, x.rows(), layers_[i - 1].weight.rows(), buffers_[i - 1].dz);
      job.x = &buffers_[i - 1].value;
      job.out = &buffers_[i - 1].dz;
      job.below = layers_[i - 1].activation;
    } else {
      job.x = &x;
      job.out = out;
      job.below = below;
      job.accumulate = accumulate;
    }
    ops::dense_backward(ctx_, job);
    gradient = job.out;
  }
  give_gradients();
}

void Chain::give_gradients() const {
  for (size_t i = 0; i < layers_.size(); ++i) {
    layers_[i].weight.set_gradient({ctx_, buffers_[i].weight_gradient});
    layers_[i].bias.set_gradient({ctx_, buffers_[i].bias_gradient});
  }
}

void Chain::add_places(std::vector<const void*>& out) const {
  for (const ChainLayer& layer : layers_)
    for (const Variable* x : {&layer.weight, &layer.bias}) out.push_back(x->value().data());
}

}  // namespace gibbslab::nn
