"""Random RBMs small enough to enumerate, and their float64 twins."""

from __future__ import annotations

import numpy as np
from gibbslab.models import RBM
from on_device import core
from reference import Enumerated

# Odd and even, square and long both ways, and the smallest there are.
SHAPES = [(1, 1), (1, 7), (7, 1), (2, 3), (5, 8), (8, 5), (9, 9), (3, 13), (13, 3)]


def random_rbm(visible: int, hidden: int, seed: int, spread: float = 1.0) -> RBM:
    """Weights and biases from Normal(0, spread^2)."""
    rng = np.random.default_rng(seed)
    model = RBM(visible, hidden, random_state=seed, n_threads=1, device=core.device)
    model.W = rng.normal(0, spread, (visible, hidden))
    model.v_bias = rng.normal(0, spread, visible)
    model.h_bias = rng.normal(0, spread, hidden)
    return model


def enumerated(model: RBM, beta: float = 1.0) -> Enumerated:
    """The table of the model's probabilities, from its float32 parameters."""
    return Enumerated(model.W, model.v_bias, model.h_bias, beta)
