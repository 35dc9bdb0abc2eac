"""The variational autoencoder behind what a display is given."""

from __future__ import annotations

from typing import Any

from sklearn.utils.validation import check_is_fitted

from .._validation import as_integer
from ..models import VAE


def vae_of(estimator: Any, operation: str) -> VAE:
    """A `gibbslab.models.VAE`, or the one that a fitted estimator holds."""
    if hasattr(estimator, "fit"):
        check_is_fitted(estimator)
    model = getattr(estimator, "model_", estimator)
    if not isinstance(model, VAE):
        raise TypeError(f"[{operation}] model must be a VAE, got {type(estimator).__name__}")
    return model


def as_dimensions(dimensions: Any, size: int, operation: str) -> tuple[int, int]:
    """Two different latent units, counted from 0."""
    if size < 2:
        raise ValueError(f"[{operation}] there must be at least 2 latent units, got {size}")
    try:
        first, second = dimensions
    except (TypeError, ValueError):
        raise ValueError(f"[{operation}] dimensions must be two, got {dimensions!r}") from None
    chosen = tuple(
        as_integer(unit, "dimensions", operation, minimum=0, maximum=size - 1)
        for unit in (first, second)
    )
    if chosen[0] == chosen[1]:
        raise ValueError(f"[{operation}] dimensions must differ, got {dimensions!r}")
    return chosen[0], chosen[1]
