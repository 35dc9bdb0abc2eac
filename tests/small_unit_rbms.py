"""Small RBMs of every admissible pair of unit types, and their float64 twins."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from gibbslab import units
from gibbslab.models import RBM, UnitRBM
from on_device import core
from reference_units import Pair
from reference_units import Unit as Twin

KINDS: dict[str, tuple[units.Unit, Twin]] = {
    "bernoulli": (units.Bernoulli(), Twin("bernoulli")),
    "spin": (units.Spin(), Twin("spin")),
    "potts": (units.Categorical(3), Twin("categorical", 3)),
    "binomial": (units.Binomial(3), Twin("binomial", 3)),
    "gaussian": (units.Gaussian(variance=1.7), Twin("gaussian", variance=1.7)),
    "relu": (units.ReLU(noisy=False), Twin("rectified")),
}
BOUNDED = [kind for kind, (unit, _) in KINDS.items() if unit.bounded]
PAIRS = [(v, h) for v in KINDS for h in KINDS if v in BOUNDED or h in BOUNDED]
BOUNDED_PAIRS = [(v, h) for v in BOUNDED for h in BOUNDED]


class Small(NamedTuple):
    """A model and its twin of the same float32 parameters."""

    model: UnitRBM
    twin: Pair


def columns(kind: str, groups: int) -> int:
    return groups * KINDS[kind][1].columns


def small(
    visible: str, hidden: str, groups: tuple[int, int] = (3, 2), *, seed: int = 0,
    temperature: float = 1.0, spread: float = 0.5, beta: float = 1.0,
) -> Small:  # fmt: skip
    """Weights and biases from Normal(0, spread^2); `beta` is the twin's."""
    rng = np.random.default_rng([seed, *map(ord, visible + hidden)])
    sizes = columns(visible, groups[0]), columns(hidden, groups[1])
    model = UnitRBM(
        *sizes, visible=KINDS[visible][0], hidden=KINDS[hidden][0], temperature=temperature,
        random_state=seed, n_threads=1, device=core.device,
    )  # fmt: skip
    model.W = rng.normal(0, spread, sizes)
    model.v_bias, model.h_bias = (rng.normal(0, spread, size) for size in sizes)
    return Small(model, twin_of(model, visible, hidden, beta / temperature))


def twin_of(model: RBM, visible: str, hidden: str, stiffness: float = 1.0) -> Pair:
    """The enumerated model of the same parameters."""
    kinds = KINDS[visible][1], KINDS[hidden][1]
    return Pair(*kinds, model.W, model.v_bias, model.h_bias, stiffness)


def some_states(kind: str, groups: int, rows: int, seed: int = 1) -> np.ndarray:
    """Random states of a layer, (rows, columns), float32."""
    rng = np.random.default_rng(seed)
    if kind == "gaussian":
        return rng.normal(0, 1.5, (rows, groups)).astype(np.float32)
    if kind == "relu":
        return rng.integers(0, 5, (rows, groups)).astype(np.float32)
    if kind == "potts":
        return np.eye(3, dtype=np.float32)[rng.integers(0, 3, (rows, groups))].reshape(rows, -1)
    low, high = {"bernoulli": (0, 1), "spin": (-1, 1), "binomial": (0, 3)}[kind]
    x = rng.integers(low, high + 1, (rows, groups)).astype(np.float32)
    return np.where(x == 0, 1, x).astype(np.float32) if kind == "spin" else x
