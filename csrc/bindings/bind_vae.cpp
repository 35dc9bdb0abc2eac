// The planned training step of VAEs. The lock of Python is kept, as in bind_nn.cpp: a step is
// short, and the parameters are variables that other threads may see.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "csrc/bindings/bindings.h"
#include "csrc/bindings/device_array.h"
#include "csrc/core/error.h"
#include "csrc/models/vae.h"

namespace gibbslab {
namespace {

using VaeLayer = std::tuple<nn::Variable, nn::Variable>;

// The batch is kept from step to step.
struct VaeTrainerHolder {
  VaeTrainer trainer;
  Tensor batch;
};

nn::ChainLayer chain_layer(const VaeLayer& parameters, FunctionKind activation) {
  return {std::get<0>(parameters), std::get<1>(parameters), {activation, 0.0f}};
}

// Softplus between the layers; the decoder's last gives logits, or means where the data have a
// log-variance.
std::unique_ptr<VaeTrainerHolder> make_vae_trainer(
    const std::vector<VaeLayer>& encoder, const VaeLayer& mean, const VaeLayer& log_variance,
    const std::vector<VaeLayer>& decoder, const std::optional<nn::Variable>& data_log_variance) {
  require(!decoder.empty(), "VAE", [] { return "the decoder must have a layer"; });
  VaeLayers layers;
  if (data_log_variance) layers.data_log_variance = *data_log_variance;
  for (const VaeLayer& x : encoder)
    layers.encoder.push_back(chain_layer(x, FunctionKind::kSoftplus));
  for (size_t i = 0; i < decoder.size(); ++i)
    layers.decoder.push_back(chain_layer(
        decoder[i], i + 1 < decoder.size() ? FunctionKind::kSoftplus : FunctionKind::kIdentity));
  layers.mean = chain_layer(mean, FunctionKind::kIdentity);
  layers.log_variance = chain_layer(log_variance, FunctionKind::kIdentity);
  return std::unique_ptr<VaeTrainerHolder>(
      new VaeTrainerHolder{VaeTrainer(std::get<0>(mean).context(), layers), {}});
}

// The batch in the library's layout, in a buffer that serves again.
const Tensor& taken_in(VaeTrainerHolder& self, const Tensor& x) {
  constexpr int64_t kBytes = sizeof(float);
  const Context& ctx = self.trainer.context();
  nn::reserve(ctx, x.rows(), x.cols(), self.batch);
  Memory& there = ctx.backend().memory;
  const bool across = x.memory().on_host() && !there.on_host();
  there.copy({self.batch.data(), self.batch.stride() * kBytes, x.data(), x.stride() * kBytes,
              x.cols() * kBytes, x.rows(), across ? Transfer::kFromHost : Transfer::kWithin});
  return self.batch;
}

// (-1 or the index of a parameter that would have diverged, reconstruction, kl).
py::tuple vae_step(VaeTrainerHolder& self, const FloatArray& batch, nn::Optimizer& optimizer,
                   uint64_t seed, uint64_t draw, double beta, int64_t samples) {
  const Draw noise{seed, stream_of(draw, Layer::kLatent), 0};
  const int64_t trouble =
      self.trainer.step(taken_in(self, tensor_view(batch)), optimizer, noise, beta, samples);
  const VaeLoss loss = self.trainer.loss();
  return py::make_tuple(trouble, loss.reconstruction, loss.kl);
}

// Means and log-variances; log_weights() are of the same batch.
py::tuple vae_encode(VaeTrainerHolder& self, const FloatArray& batch) {
  self.trainer.encode(taken_in(self, tensor_view(batch)));
  return py::make_tuple(array_from(self.trainer.mean()), array_from(self.trainer.log_variance()));
}

py::tuple vae_log_weights(VaeTrainerHolder& self, uint64_t seed, uint64_t draw, int64_t first_row) {
  require(!self.batch.empty(), "VAE", [] { return "encode comes first"; });
  const Draw noise{seed, stream_of(draw, Layer::kLatent), first_row};
  DoubleArray likelihood(self.batch.rows()), ratio(self.batch.rows());
  self.trainer.log_weights(self.batch, noise, likelihood.mutable_data(), ratio.mutable_data());
  return py::make_tuple(likelihood, ratio);
}

}  // namespace

void bind_vae(py::module_& m) {
  py::class_<VaeTrainerHolder>(m, "VAETrainer",
                               "Training steps of a VAE, and weights of its latent samples.")
      .def(py::init(&make_vae_trainer), py::arg("encoder"), py::arg("mean"),
           py::arg("log_variance"), py::arg("decoder"), py::arg("data_log_variance") = py::none())
      .def("step", &vae_step, py::arg("batch"), py::arg("optimizer"), py::arg("seed"),
           py::arg("draw"), py::arg("beta") = 1.0, py::arg("samples") = 1)
      .def("encode", &vae_encode, py::arg("batch"))
      .def("log_weights", &vae_log_weights, py::arg("seed"), py::arg("draw"),
           py::arg("first_row") = 0);
}

}  // namespace gibbslab
