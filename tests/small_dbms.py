"""Random DBMs small enough to enumerate, and their float64 twins."""

from __future__ import annotations

from typing import Any

import numpy as np
from gibbslab.models import DBM
from on_device import core
from reference_dbm import EnumeratedDBM

# Two and three hidden layers, even or odd layers the larger part, and the smallest there is.
SIZES = [(1, 1, 1), (4, 3, 2), (2, 5, 3), (3, 2, 3, 2), (2, 3, 2, 3, 2)]


def random_dbm(sizes: tuple[int, ...], seed: int = 0, spread: float = 1.0, **options: Any) -> DBM:
    """Weights and biases from Normal(0, spread^2)."""
    rng = np.random.default_rng(seed)
    model = DBM(sizes, random_state=seed, n_threads=1, device=core.device, **options)
    model.weights = [rng.normal(0, spread, w.shape) for w in model.weights]
    model.biases = [rng.normal(0, spread, b.shape) for b in model.biases]
    return model


def enumerated(model: DBM, beta: float = 1.0) -> EnumeratedDBM:
    """The table of the model's probabilities, from its float32 parameters."""
    return EnumeratedDBM(model.weights, model.biases, beta)
