"""The variational autoencoder, step by step: the interface of course templates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .. import _core, nn
from .._validation import as_integer, as_real, as_seed, as_trailing_batch
from ..nn._variable import Variable, as_variable

__all__ = ["VAE", "VAELoss"]

HIDDEN = (200, 200)


class VAELoss(NamedTuple):
    """Sums over a batch, in nats; their sum is minus the ELBO, summed.

    Attributes
    ----------
    reconstruction : float
        The cross-entropy of the data and its reconstruction.
    kl : float
        KL(q(z|x) || N(0, I)).
    """

    reconstruction: float
    kl: float


class VAE(nn.Module):
    """Variational autoencoder (Kingma and Welling 2014) of binary or grey-valued data.

    q(z|x) = N(mu(x), exp(logvar(x))), p(z) = N(0, I), p(x|z) = Bernoulli(decode(z)). Encoder and
    decoder are fully connected, with softplus hidden units, the decoder's sizes those of the
    encoder in reverse.

    A batch is any array that reshapes to (-1, V): flat rows, or images.

    Parameters
    ----------
    latent_size : int
        Z, at least 1.
    data_size : int, default=784
        V, at least 1.
    hidden_sizes : sequence of int, default=(200, 200)
        Of the encoder, from the data on; at least one.
    random_state : int, RandomState, Generator or None, default=None
        The same integer gives the same weights and samples, whatever the number of threads.
    device : {"auto", "cpu", "cuda"}, default="auto"
        Where to compute; "auto" takes CUDA where it works.

    Attributes
    ----------
    latent_size, data_size : int
        Z and V.
    enc_fc1, enc_fc2, ..., dec_fc1, dec_fc2, ... : nn.Linear
        The hidden layers, each numbered from its input on.
    enc_mu, enc_logvar, dec_out : nn.Linear
        What gives means and log-variances (n, Z), and logits (n, V).
    seed, draws : int
        The whole random state: key of the stream and position in it.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or value.
    RuntimeError
        If ``device="cuda"`` cannot be had.

    Examples
    --------
    >>> import numpy as np
    >>> from gibbslab import nn
    >>> from gibbslab.models import VAE
    >>> batch = np.random.default_rng(0).random((10, 784))
    >>> model = VAE(20, random_state=0)
    >>> optimizer = nn.Adam(model.parameters(), lr=1e-3)
    >>> reconstruction, z, mu, logvar = model(batch)
    >>> loss = model.loss_fn(reconstruction, batch, mu, logvar)
    >>> loss.backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        latent_size: int,
        data_size: int = 784,
        hidden_sizes: Sequence[int] = HIDDEN,
        *,
        random_state: Any = None,
        device: str = "auto",
    ) -> None:
        self.latent_size = as_integer(latent_size, "latent_size", "VAE")
        self.data_size = as_integer(data_size, "data_size", "VAE")
        hidden = [as_integer(size, "hidden_sizes", "VAE") for size in hidden_sizes]
        if not hidden:
            raise ValueError("[VAE] hidden_sizes must have at least one size, got none")
        self.seed = as_seed(random_state, "VAE")
        self.draws = 0
        self._hidden_layers = len(hidden)
        self._planned: _core.nn.VAETrainer | None = None
        streams = np.random.default_rng(self.seed)
        encoder, decoder = [self.data_size, *hidden], [self.latent_size, *reversed(hidden)]
        linear = lambda a, b: nn.Linear(a, b, random_state=streams, device=device)  # noqa: E731
        for i in range(1, len(encoder)):
            setattr(self, f"enc_fc{i}", linear(encoder[i - 1], encoder[i]))
        self.enc_mu = linear(encoder[-1], self.latent_size)
        self.enc_logvar = linear(encoder[-1], self.latent_size)
        for i in range(1, len(decoder)):
            setattr(self, f"dec_fc{i}", linear(decoder[i - 1], decoder[i]))
        self.dec_out = linear(decoder[-1], self.data_size)

    def _hidden(self, x: Any, part: str) -> Variable:
        for i in range(1, self._hidden_layers + 1):
            x = getattr(self, f"{part}_fc{i}").activated(x, "softplus", 0.0)
        return x

    def _batch(self, x: Any, op: str) -> Any:
        if isinstance(x, Variable):
            return x.reshape(-1, self.data_size)
        return as_trailing_batch(x, "x", f"VAE.{op}", self.data_size)

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
        h = self._hidden(self._batch(x, "encode"), "enc")
        return self.enc_mu(h), self.enc_logvar(h)

    def reparametrize(self, mu: Any, logvar: Any) -> Variable:
        """A sample of N(mu, exp(logvar)) that can be differentiated by both; one draw.

        Parameters
        ----------
        mu, logvar : array_like or Variable of shape (n, Z)

        Returns
        -------
        Variable of shape (n, Z)
        """
        mean = as_variable(mu, self.enc_mu.weight, "VAE.reparametrize")
        log_variance = as_variable(logvar, self.enc_mu.weight, "VAE.reparametrize")
        if mean.shape != log_variance.shape or mean.ndim != 2:
            raise ValueError(
                f"[VAE.reparametrize] mu and logvar must have one shape (n, Z), got {mean.shape} "
                f"and {log_variance.shape}"
            )
        n, size = mean.shape
        noise = _core.nn.normal(n, size, self.seed, self.draws, device=self.device)
        self.draws += 1
        return mean + (log_variance * 0.5).exp() * Variable._of(noise, mean.shape)

    def logits(self, z: Any) -> Variable:
        """The log-odds of p(x|z), (n, V), for latents z (n, Z)."""
        given = as_variable(z, self.dec_out.weight, "VAE.decode")
        if given.ndim != 2 or given.shape[1] != self.latent_size:
            raise ValueError(
                f"[VAE.decode] z must have shape (n, {self.latent_size}), got {given.shape}"
            )
        return self.dec_out(self._hidden(given, "dec"))

    def decode(self, z: Any) -> Variable:
        """The probabilities of p(x|z).

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
        return nn.sigmoid(self.logits(z))

    def forward(self, x: Any) -> tuple[Variable, Variable, Variable, Variable]:
        """Reconstruction (n, V), latent sample z (n, Z), and mu, logvar (n, Z) of a batch."""
        mu, logvar = self.encode(x)
        z = self.reparametrize(mu, logvar)
        return self.decode(z), z, mu, logvar

    @staticmethod
    def loss_fn(reconstruction: Any, batch: Any, mu: Any, logvar: Any) -> Variable:
        """Minus the ELBO of a batch, summed, in nats, from one latent sample each.

        Parameters
        ----------
        reconstruction : Variable or array_like of shape (n, V)
            Probabilities.
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
        target = batch if isinstance(batch, Variable) else np.asarray(batch)
        crossentropy = nn.bce_loss(
            reconstruction, target.reshape(np.shape(reconstruction)), reduction="sum"
        )
        return crossentropy + nn.kl_normal(mu, logvar)

    def training_step(
        self, batch: npt.ArrayLike, optimizer: nn.Optimizer, *, beta: float = 1.0
    ) -> VAELoss:
        """Forward, loss, backward and the optimiser's step for one batch, in one call.

        The gradient is that of `loss_fn`, from logits: the fastest way to train.

        Parameters
        ----------
        batch : array_like that reshapes to (-1, V)
            Values in [0, 1].
        optimizer : nn.Optimizer
            Of this model's parameters.
        beta : float, default=1.0
            Factor of the KL divergence, at least 0 (Higgins et al. 2017).

        Returns
        -------
        VAELoss
            Before the step; the KL divergence without the factor.

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type, shape or value.
        DivergenceError
            If the step would make a parameter non-finite; all of them are unchanged.
        """
        op = "VAE.training_step"
        x = as_trailing_batch(batch, "batch", op, self.data_size)
        factor = as_real(beta, "beta", op)
        draw, self.draws = self.draws, self.draws + 1
        trouble, reconstruction, kl = self._plan().step(
            x, optimizer._descent, self.seed, draw, factor
        )
        optimizer._check(trouble, "step")
        return VAELoss(reconstruction, kl)

    def _plan(self) -> _core.nn.VAETrainer:
        """The step as the core computes it, built when first needed."""
        if self._planned is None:
            pair = lambda layer: (layer.weight._node, layer.bias._node)  # noqa: E731
            numbers = range(1, self._hidden_layers + 1)
            self._planned = _core.nn.VAETrainer(
                [pair(getattr(self, f"enc_fc{i}")) for i in numbers],
                pair(self.enc_mu),
                pair(self.enc_logvar),
                [*(pair(getattr(self, f"dec_fc{i}")) for i in numbers), pair(self.dec_out)],
            )
        return self._planned

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_planned": None}

    def to(self, device: str) -> VAE:
        """Move all parameters to a device; see `nn.Module.to`."""
        super().to(device)
        self._planned = None
        return self
