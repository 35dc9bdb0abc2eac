"""Autoencoders of fully connected layers in float64 NumPy: codes, Jacobians, penalties."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from reference_nn import FUNCTIONS, dense

# Weight (out, in), bias (out,), name of the activation.
Layer = tuple[np.ndarray, np.ndarray, str]

SLOPES = {
    "identity": np.ones_like,
    "sigmoid": lambda a: FUNCTIONS["sigmoid"](a, 0) * (1 - FUNCTIONS["sigmoid"](a, 0)),
    "tanh": lambda a: 1 - np.tanh(a) ** 2,
    "softplus": lambda a: FUNCTIONS["sigmoid"](a, 0),
    "relu": lambda a: FUNCTIONS["step"](a, 0),
}


def output(x: np.ndarray, layers: Sequence[Layer]) -> np.ndarray:
    """(n, Z)."""
    for weight, bias, name in layers:
        x = dense(x, weight, bias, "leaky_relu" if name == "relu" else name, 0.0)
    return x


def jacobians(x: np.ndarray, layers: Sequence[Layer]) -> np.ndarray:
    """d output / d x of every row, (n, Z, V): the product of slopes and weights."""
    total = np.broadcast_to(np.eye(x.shape[1]), (len(x), x.shape[1], x.shape[1]))
    for weight, bias, name in layers:
        slope = SLOPES[name](x @ weight.T + bias)
        total = slope[:, :, None] * (weight @ total)
        x = output(x, [(weight, bias, name)])
    return total


def contraction(x: np.ndarray, layers: Sequence[Layer]) -> float:
    """Squared Frobenius norms of the Jacobians, summed over the rows."""
    return float((jacobians(x, layers) ** 2).sum())


def sparsity_divergence(codes: np.ndarray, target: float) -> float:
    """Sum over the units of KL(Bernoulli(target) || Bernoulli(mean activity))."""
    mean = codes.mean(axis=0)
    on = target * np.log(target / mean)
    off = (1 - target) * np.log((1 - target) / (1 - mean))
    return float((on + off).sum())
