"""The differentiable operations in float64 NumPy, and their derivatives by finite differences.

Only values are written down here: first and second derivatives are central differences of the
values, so that no rule of differentiation is shared with the core.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

Arrays = Sequence[np.ndarray]
Expression = Callable[..., np.ndarray]

FIRST_STEP, SECOND_STEP = 1e-6, 1e-4


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


FUNCTIONS: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "identity": lambda x, _: x,
    "exp": lambda x, _: np.exp(x),
    "log": lambda x, _: np.log(x),
    "sqrt": lambda x, _: np.sqrt(x),
    "softplus": lambda x, _: np.logaddexp(0, x),
    "sigmoid": lambda x, _: sigmoid(x),
    "tanh": lambda x, _: np.tanh(x),
    "leaky_relu": lambda x, alpha: np.where(x > 0, x, alpha * x),
    "elu": lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))),
    "step": lambda x, alpha: np.where(x > 0, 1.0, alpha),
    "elu_slope": lambda x, alpha: np.where(x > 0, 1.0, alpha * np.exp(np.minimum(x, 0))),
    "elu_curve": lambda x, alpha: np.where(x > 0, 0.0, alpha * np.exp(np.minimum(x, 0))),
}
COMBINE: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
}


def dense(
    x: np.ndarray, w: np.ndarray, b: np.ndarray | None, function: str, alpha: float
) -> np.ndarray:
    return FUNCTIONS[function](x @ w.T + (0 if b is None else b), alpha)


def _log(p: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(p), -100)


LOSSES: dict[str, Callable[..., np.ndarray]] = {
    "squared_error": lambda a, t: (a - t) ** 2,
    "bernoulli": lambda a, t: -t * _log(a) - (1 - t) * _log(1 - a),
    "bernoulli_logits": lambda a, t: np.logaddexp(0, a) - t * a,
    "gaussian": lambda a, b, t: (np.log(2 * np.pi) + b + (t - a) ** 2 * np.exp(-b)) / 2,
    "kl": lambda a, b: (a**2 + np.exp(b) - 1 - b) / 2,
}


def descent(
    rule: str,
    weight: np.ndarray,
    gradients: Arrays,
    *,
    rate: float,
    momentum: float,
    decay: float,
    epsilon: float,
    weight_decay: float,
) -> np.ndarray:
    """The weight after one step for each gradient, as the optimisers' papers have it."""
    w = weight.astype(np.float64)
    m, s = np.zeros_like(w), np.zeros_like(w)
    for t, gradient in enumerate(gradients, start=1):
        g = gradient.astype(np.float64)
        if rule == "adamw":
            w = w - rate * weight_decay * w
        else:
            g = g + weight_decay * w
        if rule in ("sgd", "nesterov"):
            m = momentum * m + g
            w = w - rate * (g + momentum * m if rule == "nesterov" else m)
            continue
        s = decay * s + (1 - decay) * g**2
        if rule == "rmsprop":
            w = w - rate * g / (np.sqrt(s) + epsilon)
            continue
        m = momentum * m + (1 - momentum) * g
        w = w - rate * (m / (1 - momentum**t)) / (np.sqrt(s / (1 - decay**t)) + epsilon)
    return w


def _moved(xs: Arrays, i: int, place: tuple[int, ...], by: float) -> list[np.ndarray]:
    out = [x.copy() for x in xs]
    out[i][place] += by
    return out


def gradients(f: Expression, xs: Arrays, seed: np.ndarray) -> list[np.ndarray]:
    """The derivatives of sum(seed * f(*xs)) by every element of every x."""
    value = lambda moved: float((seed * f(*moved)).sum())  # noqa: E731
    out = []
    for i, x in enumerate(xs):
        g = np.empty_like(x)
        for place in np.ndindex(*x.shape):
            above, below = (value(_moved(xs, i, place, h)) for h in (FIRST_STEP, -FIRST_STEP))
            g[place] = (above - below) / (2 * FIRST_STEP)
        out.append(g)
    return out


def second_gradients(
    f: Expression, xs: Arrays, seed: np.ndarray, along: Arrays
) -> list[np.ndarray]:
    """The derivatives of <along, gradient of sum(seed * f)> by every element of every x."""
    h = SECOND_STEP
    shift = lambda moved, by: [x + by * d for x, d in zip(moved, along)]  # noqa: E731
    value = lambda moved: float((seed * f(*moved)).sum())  # noqa: E731
    slope = lambda moved: (value(shift(moved, h)) - value(shift(moved, -h))) / (2 * h)  # noqa: E731
    out = []
    for i, x in enumerate(xs):
        g = np.empty_like(x)
        for place in np.ndindex(*x.shape):
            g[place] = (slope(_moved(xs, i, place, h)) - slope(_moved(xs, i, place, -h))) / (2 * h)
        out.append(g)
    return out
