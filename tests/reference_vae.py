"""A variational autoencoder in float64 NumPy, with the parameters and draws of `models.VAE`."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import reference
from gibbslab.models import VAE
from reference_conv import Geometry, conv, conv_transposed
from reference_nn import LOSSES

LATENT = 8  # the low byte of a stream's name

Arrays = tuple[np.ndarray, np.ndarray]


class Twin:
    """What `VAE` computes, from its parameters as they are now."""

    def __init__(self, model: VAE) -> None:
        self._parameters = {name: x.astype(np.float64) for name, x in model.state_dict().items()}
        self._hidden = len(getattr(model._layers, "sizes", ()))
        self.decoder = model.decoder
        self.size = model.latent_size
        known = 0.0 if isinstance(model.variance, str) else np.log(model.variance)
        self.logvar = self._parameters.get("dec_logvar", np.full(1, known))

    def _layer(self, name: str, x: np.ndarray) -> np.ndarray:
        return x @ self._parameters[f"{name}.weight"].T + self._parameters[f"{name}.bias"]

    def _stack(self, part: str, x: np.ndarray) -> np.ndarray:
        for i in range(1, self._hidden + 1):
            x = np.logaddexp(0, self._layer(f"{part}_fc{i}", x))
        return x

    def encode(self, x: np.ndarray) -> Arrays:
        h = self._stack("enc", x.astype(np.float64))
        return self._layer("enc_mu", h), self._layer("enc_logvar", h)

    def output(self, z: np.ndarray) -> np.ndarray:
        return self._layer("dec_out", self._stack("dec", z))

    def log_p(self, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        """log p(x|z), row by row."""
        a = self.output(z)
        if self.decoder == "bernoulli":
            return -LOSSES["bernoulli_logits"](a, x).sum(axis=1)
        return -LOSSES["gaussian"](a, np.broadcast_to(self.logvar, a.shape), x).sum(axis=1)

    def latents(self, x: np.ndarray, seed: int, draw: int) -> np.ndarray:
        """A sample of q(z|x) for each row."""
        mu, logvar = self.encode(x)
        noise = reference.normal(*mu.shape, seed, reference.stream_of(draw, LATENT))
        return mu + np.exp(logvar / 2) * noise

    def kl(self, x: np.ndarray) -> np.ndarray:
        """KL(q(z|x) || p(z)) of each row and unit."""
        return LOSSES["kl"](*self.encode(x))

    def elbo(self, x: np.ndarray, samples: int, seed: int, draw: int) -> np.ndarray:
        found = [self.log_p(x, self.latents(x, seed, draw + s)) for s in range(samples)]
        return np.mean(found, axis=0) - self.kl(x).sum(axis=1)

    def log_weight(self, x: np.ndarray, z: np.ndarray) -> np.ndarray:
        """log p(x, z) - log q(z|x), row by row."""
        mu, logvar = self.encode(x)
        log_q = -LOSSES["gaussian"](mu, logvar, z).sum(axis=1)
        log_prior = -LOSSES["gaussian"](np.zeros_like(z), np.zeros_like(z), z).sum(axis=1)
        return self.log_p(x, z) + log_prior - log_q

    def importance_weighted(self, x: np.ndarray, samples: int, seed: int, draw: int) -> np.ndarray:
        weights = [self.log_weight(x, self.latents(x, seed, draw + s)) for s in range(samples)]
        return np.logaddexp.reduce(weights, axis=0) - np.log(samples)

    def covariance(self) -> np.ndarray:
        """Of p(x), where the decoder is linear and Gaussian."""
        w = self._parameters["dec_out.weight"]
        return w @ w.T + np.diag(np.broadcast_to(np.exp(self.logvar), len(w)))

    def log_marginal(self, x: np.ndarray) -> np.ndarray:
        """log p(x) of a linear Gaussian decoder: probabilistic PCA, factor analysis."""
        away = x - self._parameters["dec_out.bias"]
        c = self.covariance()
        squares = (away @ np.linalg.inv(c) * away).sum(axis=1)
        return -0.5 * (squares + np.linalg.slogdet(2 * np.pi * c)[1])


class ConvolutionalTwin(Twin):
    """The same of the preset "conv"."""

    def __init__(self, model: VAE) -> None:
        super().__init__(model)
        side = math.isqrt(model.data_size)
        half, quarter = -(-side // 2), -(-side // 4)
        self._lower = Geometry((side, side, 1), (half, half, 32), (3, 3), (2, 2), (1, 1))
        self._upper = Geometry((half, half, 32), (quarter, quarter, 64), (3, 3), (2, 2), (1, 1))

    def _convolved(self, name: str, x: np.ndarray, product: Callable, g: Geometry) -> np.ndarray:
        w, b = (self._parameters[f"{name}.{kind}"] for kind in ("weight", "bias"))
        z = product(g, x, w.reshape(g.weights))
        return (z.reshape(-1, len(b)) + b).reshape(z.shape)

    def _stack(self, part: str, x: np.ndarray) -> np.ndarray:
        if part == "enc":
            x = np.maximum(self._convolved("enc_conv1", x, conv, self._lower), 0)
            return np.maximum(self._convolved("enc_conv2", x, conv, self._upper), 0)
        x = np.maximum(self._layer("dec_fc1", x), 0)
        return np.maximum(self._convolved("dec_conv1", x, conv_transposed, self._upper), 0)

    def output(self, z: np.ndarray) -> np.ndarray:
        h = self._stack("dec", z)
        return self._convolved("dec_out", h, conv_transposed, self._lower)
