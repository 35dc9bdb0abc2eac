"""The training step of a VAE and the weights of its latent samples, by variables.

For layers that the core's trainer does not take; the calls and the draws are the same.
"""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core, nn

__all__ = ["VariablePlan"]

LATENT = 8  # the low byte of a stream's name, as the core has it

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]


class VariablePlan:
    """What `_core.nn.VAETrainer` does, for a model with any layers; see there."""

    def __init__(self, model: Any) -> None:
        self._model = weakref.proxy(model)  # which holds this
        self._encoded: tuple[FloatArray, FloatArray, FloatArray] | None = None

    def step(
        self,
        batch: FloatArray,
        optimizer: _core.nn.Optimizer,
        seed: int,
        draw: int,
        beta: float,
        samples: int,
    ) -> tuple[int, float, float]:
        """-1 or the index of a parameter that would have diverged, reconstruction, kl."""
        model = self._model
        model.zero_grad()
        mu, logvar = model.encode(batch)
        z = model._latents(mu, logvar, samples, seed, draw)
        error = model._error(model.logits(z), batch, samples, logits=True)
        kl = nn.kl_normal(mu, logvar)
        (error + kl * beta).backward()
        return optimizer.step(), error.item(), kl.item()

    @nn.no_grad()
    def encode(self, batch: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Means and log-variances; `log_weights` are of the same batch."""
        mu, logvar = (y.numpy() for y in self._model.encode(batch))
        self._encoded = batch, mu, logvar
        return mu, logvar

    @nn.no_grad()
    def log_weights(self, seed: int, draw: int, first_row: int) -> tuple[DoubleArray, DoubleArray]:
        """log p(x|z) and log p(z) - log q(z|x) of every row, for one z ~ q(z|x) each."""
        if self._encoded is None:
            raise RuntimeError("[VAE] encode comes first")
        x, mu, logvar = self._encoded
        rows, size = mu.shape
        noise = _core.normal(rows, size, seed, draw << 8 | LATENT, first_row)
        z = mu + np.exp(0.5 * logvar) * noise
        terms = noise.astype(np.float64) ** 2 + logvar - z.astype(np.float64) ** 2
        return self._model._log_p(x, z), 0.5 * terms.sum(axis=1)
