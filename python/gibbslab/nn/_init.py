"""How weights start."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from .. import _core
from ._arithmetic import matrix_shape

FloatArray = npt.NDArray[np.float32]

WEIGHTS = 3  # the layer of such draws: the low byte of the name of their stream
NORMAL_DEVIATION = 0.02


Shape = tuple[int, ...]
Fans = tuple[int, int]


def _normal(shape: Shape, seed: int, deviation: float) -> FloatArray:
    matrix = matrix_shape(shape)
    return np.float32(deviation) * _core.normal(*matrix, seed, WEIGHTS).reshape(shape)


def _glorot(shape: Shape, seed: int, fans: Fans) -> FloatArray:
    limit = np.float32(np.sqrt(6 / sum(fans)))
    uniform = _core.uniform(*matrix_shape(shape), seed, WEIGHTS)
    return limit * (2 * uniform - 1).reshape(shape)


def _he(shape: Shape, seed: int, fans: Fans) -> FloatArray:
    return _normal(shape, seed, float(np.sqrt(2 / fans[0])))


# Of weights of a shape, a seed, and how many values a unit takes and how many units take a value.
INITIALISERS: dict[str, Callable[[Shape, int, Fans], FloatArray]] = {
    "glorot": _glorot,
    "he": _he,
    "normal": lambda shape, seed, _: _normal(shape, seed, NORMAL_DEVIATION),
}


def initial_weights(init: str, shape: Shape, seed: int, fans: Fans | None = None) -> FloatArray:
    """Weights, drawn from one stream of the seed; of a matrix (out, in), `fans` is (in, out)."""
    return INITIALISERS[init](shape, seed, fans or (shape[1], shape[0]))


def as_init(init: str, op: str) -> str:
    """The name of an initialiser."""
    if init not in INITIALISERS:
        raise ValueError(f"[{op}] init must be one of {sorted(INITIALISERS)}, got {init!r}")
    return init
