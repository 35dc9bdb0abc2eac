"""How weights start."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from .. import _core

FloatArray = npt.NDArray[np.float32]

WEIGHTS = 3  # the layer of such draws: the low byte of the name of their stream
NORMAL_DEVIATION = 0.02


def _normal(shape: tuple[int, int], seed: int, deviation: float) -> FloatArray:
    return np.float32(deviation) * _core.normal(*shape, seed, WEIGHTS)


def _glorot(shape: tuple[int, int], seed: int) -> FloatArray:
    limit = np.float32(np.sqrt(6 / sum(shape)))
    return limit * (2 * _core.uniform(*shape, seed, WEIGHTS) - 1)


def _he(shape: tuple[int, int], seed: int) -> FloatArray:
    return _normal(shape, seed, float(np.sqrt(2 / shape[1])))


# Of weights (out, in) and a seed.
INITIALISERS: dict[str, Callable[[tuple[int, int], int], FloatArray]] = {
    "glorot": _glorot,
    "he": _he,
    "normal": lambda shape, seed: _normal(shape, seed, NORMAL_DEVIATION),
}


def initial_weights(init: str, shape: tuple[int, int], seed: int) -> FloatArray:
    """Weights (out, in), drawn from one stream of the seed."""
    return INITIALISERS[init](shape, seed)
