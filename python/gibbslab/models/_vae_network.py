"""The encoder, the decoder and the loss of a variational autoencoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _core, nn
from .._validation import as_integer, as_real, as_seed, as_trailing_batch
from ..nn._variable import Parameter, Variable, as_variable
from ._vae_layers import as_layers
from ._vae_plan import VariablePlan

HIDDEN = (200, 200)
DECODERS = ("bernoulli", "gaussian")
LEARNED = ("shared", "per_pixel")


def _as_variance(variance: Any, decoder: str) -> float | str:
    """How the variance of p(x|z) is had: a number, or one of `LEARNED`."""
    if isinstance(variance, str):
        if variance not in LEARNED:
            raise ValueError(f"[VAE] variance must be a number or in {LEARNED}, got {variance!r}")
        known: float | str = variance
    else:
        known = as_real(variance, "variance", "VAE")
    if known == 0:
        raise ValueError("[VAE] variance must be above 0, got 0")
    if decoder == "bernoulli" and known != 1.0:
        raise ValueError("[VAE] variance is for decoder='gaussian', got decoder='bernoulli'")
    return known


def repeated(x: Variable, samples: int) -> Variable:
    """All rows of a matrix (n, c), `samples` times over: (samples n, c)."""
    if samples == 1:
        return x
    row = x.reshape(1, x.size) + np.zeros((samples, 1), np.float32)
    return row.reshape(samples * x.shape[0], x.shape[1])


class VAENetwork(nn.Module):
    """Encoder, latent sample, decoder, loss."""

    enc_mu: nn.Linear
    enc_logvar: nn.Linear
    dec_out: nn.Linear | nn.ConvTranspose2d
    _planned: _core.nn.VAETrainer | VariablePlan | None = None

    def __init__(
        self,
        latent_size: int,
        data_size: int = 784,
        hidden_sizes: Sequence[int] | str = HIDDEN,
        *,
        decoder: str = "bernoulli",
        variance: float | str = 1.0,
        random_state: Any = None,
        device: str = "auto",
    ) -> None:
        self.latent_size = as_integer(latent_size, "latent_size", "VAE")
        self.data_size = as_integer(data_size, "data_size", "VAE")
        self._layers = as_layers(hidden_sizes, "hidden_sizes", "VAE")
        self._layers.check(self.data_size, "hidden_sizes")
        if decoder not in DECODERS:
            raise ValueError(f"[VAE] decoder must be one of {DECODERS}, got {decoder!r}")
        self.decoder = decoder
        self.variance = _as_variance(variance, decoder)
        self.seed = as_seed(random_state, "VAE")
        self.draws = 0
        self._layers.add_to(self, np.random.default_rng(self.seed), device)
        if self.variance in LEARNED:
            size = 1 if self.variance == "shared" else self.data_size
            self.dec_logvar = Parameter(np.zeros(size, np.float32), device=self.device)

    def _batch(self, x: Any, op: str) -> Any:
        if isinstance(x, Variable):
            return x.reshape(-1, self.data_size)
        return as_trailing_batch(x, "x", f"VAE.{op}", self.data_size)

    def _data_logvar(self) -> Variable:
        """The log-variance of p(x|z), (1,) or (V,); a parameter where it is learned."""
        if isinstance(self.variance, str):
            return self.dec_logvar
        return Variable([np.log(self.variance)], device=self.device)

    def encode(self, x: Any) -> tuple[Variable, Variable]:
        """Means and log-variances of q(z|x).

        Parameters
        ----------
        x : array_like or Variable that reshapes to (-1, V)

        Returns
        -------
        mu, logvar : Variable of shape (n, Z)

        Raises
        ------
        TypeError, ValueError
            If `x` has a wrong type or shape, is empty or not finite.
        """
        h = self._layers.encode(self, self._batch(x, "encode"))
        return self.enc_mu(h), self.enc_logvar(h)

    def reparametrize(self, mu: Any, logvar: Any, samples: int = 1) -> Variable:
        """Samples of N(mu, exp(logvar)) that can be differentiated by both; one draw.

        Parameters
        ----------
        mu, logvar : array_like or Variable of shape (n, Z)
        samples : int, default=1
            How many for each row.

        Returns
        -------
        Variable of shape (samples n, Z)
            The first sample of every row, then the second of every row, ...
        """
        op = "VAE.reparametrize"
        mean = as_variable(mu, self.enc_mu.weight, op)
        log_variance = as_variable(logvar, self.enc_mu.weight, op)
        if mean.shape != log_variance.shape or mean.ndim != 2:
            raise ValueError(
                f"[{op}] mu and logvar must have one shape (n, Z), got {mean.shape} "
                f"and {log_variance.shape}"
            )
        count = as_integer(samples, "samples", op)
        self.draws += 1
        return self._latents(mean, log_variance, count, self.seed, self.draws - 1)

    def _latents(
        self, mu: Variable, logvar: Variable, samples: int, seed: int, draw: int
    ) -> Variable:
        rows, size = samples * mu.shape[0], mu.shape[1]
        noise = _core.nn.normal(rows, size, seed, draw, device=self.device)
        deviation = repeated((logvar * 0.5).exp(), samples)
        return repeated(mu, samples) + deviation * Variable._of(noise, (rows, size))

    def logits(self, z: Any) -> Variable:
        """What the last layer gives for latents z (n, Z): (n, V).

        The log-odds of a Bernoulli decoder, the means of a Gaussian one.
        """
        given = as_variable(z, self.dec_out.weight, "VAE.decode")
        if given.ndim != 2 or given.shape[1] != self.latent_size:
            raise ValueError(
                f"[VAE.decode] z must have shape (n, {self.latent_size}), got {given.shape}"
            )
        return self._layers.decode(self, given)

    def decode(self, z: Any) -> Variable:
        """The means of p(x|z): probabilities, where the decoder is Bernoulli.

        Parameters
        ----------
        z : array_like or Variable of shape (n, Z)

        Returns
        -------
        Variable of shape (n, V)

        Raises
        ------
        TypeError, ValueError
            If `z` has a wrong type or shape, or is not finite.
        """
        output = self.logits(z)
        return nn.sigmoid(output) if self.decoder == "bernoulli" else output

    def forward(self, x: Any, samples: int = 1) -> tuple[Variable, Variable, Variable, Variable]:
        """A batch reconstructed.

        Parameters
        ----------
        x : array_like or Variable that reshapes to (-1, V)
        samples : int, default=1
            Latent samples of each row.

        Returns
        -------
        reconstruction : Variable of shape (samples n, V)
            In the order of `reparametrize`.
        z : Variable of shape (samples n, Z)
        mu, logvar : Variable of shape (n, Z)
        """
        mu, logvar = self.encode(x)
        z = self.reparametrize(mu, logvar, samples)
        return self.decode(z), z, mu, logvar

    def loss_fn(self, reconstruction: Any, batch: Any, mu: Any, logvar: Any) -> Variable:
        """Minus the ELBO of a batch, summed, in nats.

        Parameters
        ----------
        reconstruction : Variable or array_like of shape (samples n, V)
            Means of p(x|z), in the order of `reparametrize`; the loss is the mean over samples.
        batch : array_like or Variable that reshapes to (n, V)
        mu, logvar : Variable or array_like of shape (n, Z)

        Returns
        -------
        Variable
            One number.

        Raises
        ------
        ValueError
            If the shapes do not fit.
        """
        rows, width = np.shape(reconstruction)
        n = np.shape(mu)[0]
        target = batch if isinstance(batch, Variable) else np.asarray(batch)
        target = target.reshape(n, width)
        error = self._error(reconstruction, target, rows // n)
        return error + nn.kl_normal(mu, logvar)

    def _error(
        self, reconstruction: Any, target: Any, samples: int, *, logits: bool = False
    ) -> Variable:
        """-log p(x|z), summed over the rows of the target, the mean over the samples."""
        if samples > 1:
            target = repeated(as_variable(target, self.enc_mu.weight, "VAE.loss_fn"), samples)
        if self.decoder == "bernoulli":
            loss = nn.bce_with_logits_loss if logits else nn.bce_loss
            error = loss(reconstruction, target, reduction="sum")
        else:
            logvars = self._data_logvar().reshape(1, -1)
            logvars = logvars + np.zeros(np.shape(reconstruction), np.float32)
            error = nn.gaussian_nll_loss(reconstruction, target, logvars, reduction="sum")
        return error / samples

    def _plan(self) -> _core.nn.VAETrainer | VariablePlan:
        """What computes the model's steps, built when first needed."""
        if self._planned is None:
            self._planned = self._layers.plan(self)
        return self._planned

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_planned": None}

    def to(self, device: str) -> VAENetwork:
        """Move all parameters to a device; see `nn.Module.to`."""
        super().to(device)
        self._planned = None
        return self
