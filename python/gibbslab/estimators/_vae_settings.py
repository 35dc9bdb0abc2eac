"""The parameters of the variational autoencoder, checked and resolved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from .._validation import as_integer, as_real
from ..models._vae_network import DECODERS, LEARNED
from ._neural_settings import descent_options
from ._settings import LoopSettings, as_choice, loop_settings
from .schedules import Schedule, value_at

__all__ = ["VAESettings", "resolve_vae"]


@dataclass(frozen=True)
class VAESettings(LoopSettings):
    """What one call of ``fit`` or ``partial_fit`` works with."""

    latent_size: int
    hidden_layer_sizes: tuple[int, ...]
    decoder: str
    variance: float | str
    beta: Schedule

    def beta_at(self, epoch: int, op: str) -> float:
        """Weight of the KL divergence in an epoch."""
        return value_at(self.beta, epoch, "beta", op)

    def n_parameters(self, n_features: int) -> int:
        """Values that training would change, but for variances; nothing is built."""
        sizes = (n_features, *self.hidden_layer_sizes, self.latent_size)
        up = sum((below + 1) * above for below, above in pairwise(sizes))
        down = sum((above + 1) * below for below, above in pairwise(sizes))
        return up + (sizes[-2] + 1) * sizes[-1] + down


def _hidden_sizes(value: Any, op: str) -> tuple[int, ...]:
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        raise TypeError(f"[{op}] hidden_layer_sizes must be a sequence of integers, got {value!r}")
    return tuple(as_integer(n, "hidden_layer_sizes", op) for n in value)


def _variance(e: Any, op: str) -> float | str:
    if isinstance(e.variance, str):
        variance: float | str = as_choice(e.variance, "variance", op, LEARNED)
    else:
        variance = as_real(e.variance, "variance", op)
    if variance == 0:
        raise ValueError(f"[{op}] variance must be above 0, got {e.variance!r}")
    if e.decoder == "bernoulli" and variance != 1:
        raise ValueError(f"[{op}] variance is for decoder='gaussian', got decoder='bernoulli'")
    return variance


def resolve_vae(estimator: Any, op: str) -> VAESettings:
    """Check every parameter of the estimator; `TypeError` or `ValueError` names a wrong one."""
    e = estimator
    loop = loop_settings(e, op)
    settings = VAESettings(
        latent_size=as_integer(e.latent_size, "latent_size", op),
        hidden_layer_sizes=_hidden_sizes(e.hidden_layer_sizes, op),
        decoder=as_choice(e.decoder, "decoder", op, DECODERS),
        variance=_variance(e, op),
        beta=e.beta,
        options={
            **descent_options(e, op),
            "samples": as_integer(e.n_latent_samples, "n_latent_samples", op),
        },
        **loop,
    )
    settings.beta_at(0, op)
    return settings
