"""The joint table of a small RBM of two unit types, by its energies, and what Gibbs sampling does.

One layer, X, is bounded; the other, Y, may be one unit of any type, a Gaussian one on a grid.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from reference_units import Pair, Unit, states, values
from scipy import special
from small_unit_rbms import Small


def every_state(unit: Unit, groups: int) -> tuple[np.ndarray, np.ndarray]:
    """All states of a layer and their log m; one unit where it is not bounded."""
    if unit.bounded:
        return states(unit, groups)
    assert groups == 1
    if unit.kind == "rectified":
        x, log_m = values(unit)
        return x[:, None], log_m
    x = np.linspace(-25, 25, 5001)
    return x[:, None], np.full(len(x), np.log(x[1] - x[0]))


@dataclass
class Table:
    """p(x, y) of every pair of states, (X, Y), with X the visible layer if that is bounded."""

    twin: Pair
    from_hidden: bool
    x: np.ndarray
    y: np.ndarray
    joint: np.ndarray

    @classmethod
    def of(cls, twin: Pair) -> Table:
        sizes = [len(b) // u.columns for u, b in ((twin.visible, twin.a), (twin.hidden, twin.b))]
        v, log_v = every_state(twin.visible, sizes[0])
        h, log_h = every_state(twin.hidden, sizes[1])
        pairs = np.repeat(v, len(h), axis=0), np.tile(h, (len(v), 1))
        table = -twin.energy(*pairs).reshape(len(v), -1) + log_v[:, None] + log_h
        p = special.softmax(table)
        if twin.visible.bounded:
            return cls(twin, False, v, h, p)
        return cls(twin, True, h, v, p.T)

    @property
    def unit(self) -> Unit:
        """The type of X."""
        return self.twin.hidden if self.from_hidden else self.twin.visible

    @cached_property
    def p_x(self) -> np.ndarray:
        return self.joint.sum(axis=1)

    @cached_property
    def y_given_x(self) -> np.ndarray:
        return self.joint / self.p_x[:, None]

    @cached_property
    def x_given_y(self) -> np.ndarray:
        """(Y, X); a row of zeros where y has no probability."""
        p_y = self.joint.sum(axis=0)
        return (self.joint / np.where(p_y > 0, p_y, 1.0)).T

    @property
    def sweep(self) -> np.ndarray:
        """Transition matrix of x -> y -> x, (X, X)."""
        return self.y_given_x @ self.x_given_y

    def index(self, rows: np.ndarray) -> np.ndarray:
        """Numbers of states of X."""
        unit = self.unit
        if unit.kind == "categorical":
            digits, base = rows.reshape(len(rows), -1, unit.count).argmax(axis=2), unit.count
        elif unit.kind == "spin":
            digits, base = (rows > 0).astype(int), 2
        else:
            digits, base = rows.astype(int), unit.count + 1 if unit.kind == "binomial" else 2
        return digits @ base ** np.arange(digits.shape[1])

    def counts(self, rows: np.ndarray) -> np.ndarray:
        return np.bincount(self.index(rows), minlength=len(self.x))


def swept(
    small: Small, table: Table, start: np.ndarray, steps: int, **options: object
) -> tuple[np.ndarray, np.ndarray]:
    """x after sweeps x -> y -> x from `start`, and the y before it."""
    core = small.model._rbm
    _, h, _, v = core.gibbs(start, table.from_hidden, steps, **options)
    return (h, v) if table.from_hidden else (v, h)


def drawn(table: Table, n: int, seed: int) -> np.ndarray:
    """n states of X drawn exactly, float32."""
    rng = np.random.default_rng(seed)
    return table.x[rng.choice(len(table.x), n, p=table.p_x / table.p_x.sum())].astype(np.float32)


def every_start(table: Table, n: int) -> np.ndarray:
    """About n rows that start from every state of X equally often, neighbours differently."""
    return np.tile(table.x.astype(np.float32), (n // len(table.x), 1))
