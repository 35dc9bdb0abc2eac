"""The parameters of the variational autoencoder, checked and resolved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._validation import as_integer, as_real
from ..models._vae_layers import Convolutions, Dense, as_layers
from ..models._vae_network import DECODERS, LEARNED
from ._neural_settings import descent_options
from ._settings import LoopSettings, as_choice, loop_settings
from .schedules import Schedule, value_at

__all__ = ["VAESettings", "resolve_vae"]


@dataclass(frozen=True)
class VAESettings(LoopSettings):
    """What one call of ``fit`` or ``partial_fit`` works with."""

    latent_size: int
    hidden_layer_sizes: tuple[int, ...] | str
    layers: Dense | Convolutions
    decoder: str
    variance: float | str
    beta: Schedule

    def beta_at(self, epoch: int, op: str) -> float:
        """Weight of the KL divergence in an epoch."""
        return value_at(self.beta, epoch, "beta", op)


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
    loop, hidden = loop_settings(e, op), e.hidden_layer_sizes
    layers = as_layers(hidden, "hidden_layer_sizes", op)
    settings = VAESettings(
        latent_size=as_integer(e.latent_size, "latent_size", op),
        hidden_layer_sizes=hidden if isinstance(hidden, str) else tuple(hidden),
        layers=layers,
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
