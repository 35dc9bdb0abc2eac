"""Functions of variables: activations and losses."""

from __future__ import annotations

from typing import Any

from .. import _core
from ._variable import Variable, as_variable

__all__ = [
    "bce_loss",
    "bce_with_logits_loss",
    "elu",
    "gaussian_nll_loss",
    "kl_normal",
    "leaky_relu",
    "mse_loss",
    "relu",
    "sigmoid",
    "softplus",
    "tanh",
]

# What the fused layer can compute.
ACTIVATIONS = ("identity", "softplus", "sigmoid", "tanh", "leaky_relu", "elu")


def activated(x: Any, function: str, alpha: float = 0.0) -> Variable:
    """A function of each element, by the core's name for it."""
    return as_variable(x, Variable(0.0), function)._mapped(function, alpha)


def relu(x: Any) -> Variable:
    """max(x, 0)."""
    return activated(x, "leaky_relu")


def leaky_relu(x: Any, negative_slope: float = 0.01) -> Variable:
    """x where it is positive, else negative_slope x."""
    return activated(x, "leaky_relu", negative_slope)


def elu(x: Any, alpha: float = 1.0) -> Variable:
    """x where it is positive, else alpha (exp(x) - 1)."""
    return activated(x, "elu", alpha)


def sigmoid(x: Any) -> Variable:
    """1 / (1 + exp(-x))."""
    return activated(x, "sigmoid")


def tanh(x: Any) -> Variable:
    """The hyperbolic tangent."""
    return activated(x, "tanh")


def softplus(x: Any) -> Variable:
    """log(1 + exp(x))."""
    return activated(x, "softplus")


def _first_variable(*values: Any) -> Variable:
    """Beside which the others are put; without one, a constant where constants lie."""
    for x in values:
        if isinstance(x, Variable):
            return x
    return Variable(0.0)


def _loss(
    kind: str, op: str, prediction: Any, log_variance: Any, target: Any, reduction: str
) -> Variable:
    if reduction not in ("mean", "sum"):
        raise ValueError(f"[{op}] reduction must be 'mean' or 'sum', got {reduction!r}")
    like = _first_variable(prediction, log_variance, target)
    a = as_variable(prediction, like, op)
    others = [None if x is None else as_variable(x, like, op) for x in (log_variance, target)]
    for name, x in zip(("log_variance", "target"), others):
        if x is not None and x.shape != a.shape:
            raise ValueError(f"[{op}] {name} must have shape {a.shape}, got {x.shape}")
    scale = 1.0 if reduction == "sum" else 1.0 / max(a.size, 1)
    b, t = (None if x is None else x._node for x in others)
    return Variable._of(_core.nn.loss(kind, a._node, b, t, scale), ())


def mse_loss(prediction: Any, target: Any, *, reduction: str = "mean") -> Variable:
    """The squared error, (prediction - target)^2.

    Parameters
    ----------
    prediction, target : Variable or array_like of one shape
    reduction : {"mean", "sum"}, default="mean"
        Over all elements.

    Returns
    -------
    Variable
        One number.

    Raises
    ------
    ValueError
        If the shapes differ, or `reduction` is another word.
    """
    return _loss("squared_error", "mse_loss", prediction, None, target, reduction)


def bce_loss(prediction: Any, target: Any, *, reduction: str = "mean") -> Variable:
    """The cross-entropy of Bernoulli units, -t log p - (1 - t) log(1 - p), in nats.

    The logarithms are at least -100. Where the probabilities come of a sigmoid,
    `bce_with_logits_loss` is exact everywhere.

    Parameters
    ----------
    prediction, target : Variable or array_like of one shape
        p in [0, 1]; t in [0, 1].
    reduction : {"mean", "sum"}, default="mean"
        Over all elements.

    Returns
    -------
    Variable
        One number.

    Raises
    ------
    ValueError
        If the shapes differ, or `reduction` is another word.
    """
    return _loss("bernoulli", "bce_loss", prediction, None, target, reduction)


def bce_with_logits_loss(prediction: Any, target: Any, *, reduction: str = "mean") -> Variable:
    """The cross-entropy of Bernoulli units from their logits, log(1 + exp(a)) - t a, in nats.

    Parameters, result and errors are those of `bce_loss`, but for the prediction a, any number.
    """
    return _loss("bernoulli_logits", "bce_with_logits_loss", prediction, None, target, reduction)


def gaussian_nll_loss(
    prediction: Any, target: Any, log_variance: Any, *, reduction: str = "mean"
) -> Variable:
    """-log N(target; prediction, exp(log_variance)), in nats, the constant included.

    Parameters
    ----------
    prediction, target, log_variance : Variable or array_like of one shape
    reduction : {"mean", "sum"}, default="mean"
        Over all elements.

    Returns
    -------
    Variable
        One number.

    Raises
    ------
    ValueError
        If the shapes differ, or `reduction` is another word.
    """
    return _loss("gaussian", "gaussian_nll_loss", prediction, log_variance, target, reduction)


def kl_normal(
    mean: Any,
    log_variance: Any,
    other_mean: Any = None,
    other_log_variance: Any = None,
    *,
    reduction: str = "sum",
) -> Variable:
    """KL(N(mean, exp(log_variance)) || N(other_mean, exp(other_log_variance))), in nats.

    Parameters
    ----------
    mean, log_variance : Variable or array_like of one shape
        Independent units.
    other_mean, other_log_variance : Variable or array_like, optional
        Both or none; the standard normal distribution by default.
    reduction : {"sum", "mean"}, default="sum"
        Over all elements.

    Returns
    -------
    Variable
        One number.

    Raises
    ------
    ValueError
        If the shapes differ, one of the other two is missing, or `reduction` is another word.
    """
    if (other_mean is None) != (other_log_variance is None):
        raise ValueError("[kl_normal] other_mean and other_log_variance must be given together")
    if other_mean is None:
        return _loss("kl", "kl_normal", mean, log_variance, None, reduction)
    like = _first_variable(mean, log_variance, other_mean, other_log_variance)
    m, b, n, c = (as_variable(x, like, "kl_normal")
                  for x in (mean, log_variance, other_mean, other_log_variance))  # fmt: skip
    # In units of the other's deviation it is the divergence from the standard normal.
    return _loss("kl", "kl_normal", (m - n) / (c * 0.5).exp(), b - c, None, reduction)
