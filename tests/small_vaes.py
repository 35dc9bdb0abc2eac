"""Small variational autoencoders with data for them."""

from __future__ import annotations

from typing import Any

import numpy as np
from gibbslab.models import VAE
from on_device import core

DECODERS: dict[str, dict[str, Any]] = {
    "bernoulli": {},
    "fixed": {"decoder": "gaussian", "variance": 0.3},
    "shared": {"decoder": "gaussian", "variance": "shared"},
    "per_pixel": {"decoder": "gaussian", "variance": "per_pixel"},
}
VISIBLE = 7


def small(latent: int, decoder: str = "bernoulli", hidden: tuple[int, ...] = (6, 5)) -> VAE:
    """Weights that are not small, so that q(z|x) is not p(z|x)."""
    vae = VAE(latent, VISIBLE, hidden, random_state=3, device=core.device, **DECODERS[decoder])
    rng = np.random.default_rng(latent)
    for parameter in vae.parameters():
        parameter.data = rng.normal(0, 0.6, parameter.shape)
    return vae


def data(rows: int, decoder: str = "bernoulli") -> np.ndarray:
    rng = np.random.default_rng(rows)
    if decoder == "bernoulli":
        return (rng.random((rows, VISIBLE)) < 0.5).astype(np.float32)
    return rng.normal(size=(rows, VISIBLE)).astype(np.float32)
