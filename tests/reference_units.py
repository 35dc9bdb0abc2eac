"""The unit types of generalised RBMs in plain NumPy float64, and small models by enumeration.

Nothing here shares code or method with the core. A unit is a list of values with the logarithms of
their weights: probabilities, means and normalisers come from sums over it. Unbounded units get a
list as well: a fine grid for a Gaussian, whole numbers up to where nothing is left for a rectified
one, whose weights are the number of ways to choose its copies, by dynamic programming.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product

import numpy as np
import reference
from scipy import special

COPIES = 60  # of a rectified unit; copy i is on with input eta - i + 1/2


@dataclass(frozen=True)
class Unit:
    """A unit type: `kind` as the core names it, `count` states or trials, a Gaussian's variance."""

    kind: str
    count: int = 1
    variance: float = 1.0

    @property
    def columns(self) -> int:
        return self.count if self.kind == "categorical" else 1

    @property
    def bounded(self) -> bool:
        return self.kind not in ("gaussian", "rectified")


@lru_cache
def _copies() -> np.ndarray:
    """log of the elementary symmetric polynomials of exp(-1/2), exp(-3/2), ..., (COPIES + 1,)."""
    ways = np.full(COPIES + 1, -np.inf)
    ways[0] = 0.0
    for i in range(1, COPIES + 1):
        ways[1:] = np.logaddexp(ways[1:], ways[:-1] + 0.5 - i)
    return ways


def values(unit: Unit, eta: float = 0.0, stiffness: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Values of a unit of one column, (n,), and the logarithms of their weights m(x)."""
    if unit.kind == "bernoulli":
        return np.array([0.0, 1.0]), np.zeros(2)
    if unit.kind == "spin":
        return np.array([-1.0, 1.0]), np.zeros(2)
    if unit.kind == "binomial":
        x = np.arange(unit.count + 1.0)
        ways = [float(special.comb(unit.count, int(k), exact=True)) for k in x]
        return x, np.log(ways)
    if unit.kind == "rectified":
        return np.arange(COPIES + 1.0), _copies()
    spread = unit.variance / stiffness
    x = eta * spread + np.sqrt(spread) * np.linspace(-13, 13, 20001)
    return x, -x * x / (2 * spread) + np.log(x[1] - x[0])


def log_normaliser(unit: Unit, eta: np.ndarray, stiffness: float = 1.0) -> float:
    """A(eta) of one unit; eta (1,), or (K,) of a categorical one."""
    if unit.kind == "categorical":
        return float(special.logsumexp(eta))
    x, log_m = values(unit, float(eta[0]), stiffness)
    return float(special.logsumexp(log_m + eta[0] * x))


def mean(unit: Unit, eta: np.ndarray, stiffness: float = 1.0) -> np.ndarray:
    """E[x] of one unit, (columns,)."""
    if unit.kind == "categorical":
        return np.asarray(special.softmax(eta))
    x, log_m = values(unit, float(eta[0]), stiffness)
    return np.array([special.softmax(log_m + eta[0] * x) @ x])


def noisy_mean(eta: float) -> float:
    """E[max(0, eta + N(0, sigmoid(eta)))] by quadrature."""
    z = np.linspace(-13, 13, 200001)
    density = np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
    x = np.maximum(0.0, eta + np.sqrt(special.expit(eta)) * z)
    return float((density * x).sum() * (z[1] - z[0]))


def pairs(rows: int, cols: int, seed: int, stream: int, first_row: int = 0) -> np.ndarray:
    """Two random words for each element, (rows, cols, 2)."""
    element = np.arange(rows * cols, dtype=np.uint64) + np.uint64(first_row * cols)
    four = reference.philox(element // np.uint64(2), stream, seed)
    pair = np.where((element % np.uint64(2) == 1)[:, None], four[:, 2:], four[:, :2])
    return pair.reshape(rows, cols, 2)


def wide_uniforms(rows: int, cols: int, seed: int, stream: int, first_row: int = 0) -> np.ndarray:
    """Uniforms of 53 bits."""
    word = pairs(rows, cols, seed, stream, first_row).astype(np.uint64)
    return ((word[..., 0] << np.uint64(32) | word[..., 1]) >> np.uint64(11)) * 2.0**-53


def states(unit: Unit, units: int) -> tuple[np.ndarray, np.ndarray]:
    """All states of a layer of bounded units, (n, columns), unit 0 fastest, and their log m."""
    if unit.kind == "categorical":
        one = [(row, 0.0) for row in np.eye(unit.count)]
    else:
        one = [(np.array([x]), m) for x, m in zip(*values(unit), strict=True)]
    every = [layer[::-1] for layer in product(one, repeat=units)]
    rows = np.array([np.concatenate([row for row, _ in layer]) for layer in every])
    return rows, np.array([sum(m for _, m in layer) for layer in every])


@dataclass(frozen=True)
class Pair:
    """A model of two layers: W (V, H) and biases in the units of the states, in columns."""

    visible: Unit
    hidden: Unit
    w: np.ndarray
    a: np.ndarray
    b: np.ndarray
    stiffness: float = 1.0  # beta / T0

    def __post_init__(self) -> None:
        for name in "wab":
            object.__setattr__(self, name, np.asarray(getattr(self, name), np.float64))

    @property
    def transposed(self) -> Pair:
        """The same model with its layers exchanged."""
        return Pair(self.hidden, self.visible, self.w.T, self.b, self.a, self.stiffness)

    def energy(self, v: np.ndarray, h: np.ndarray) -> np.ndarray:
        """beta E / T0, the formulas of course document 002, row by row."""
        coupling = v @ self.w @ h.T if v.ndim < 2 else np.einsum("ri,ij,rj->r", v, self.w, h)
        coupling = coupling / (self.visible.variance * self.hidden.variance)
        layers = [(self.visible, v, self.a), (self.hidden, h, self.b)]
        own = sum(self._own(unit, x, bias) for unit, x, bias in layers)
        return self.stiffness * (own - coupling)

    @staticmethod
    def _own(unit: Unit, x: np.ndarray, bias: np.ndarray) -> np.ndarray:
        if unit.kind == "gaussian":
            return ((x - bias) ** 2).sum(axis=-1) / (2 * unit.variance)
        return -(x * bias).sum(axis=-1)

    def hidden_input(self, v: np.ndarray) -> np.ndarray:
        """The natural parameters that v gives the hidden layer, (n, H)."""
        scale = self.visible.variance * self.hidden.variance
        return self.stiffness * (v @ self.w / scale + self.b / self.hidden.variance)

    def log_p(self, v: np.ndarray) -> np.ndarray:
        """log of the unnormalised p(v), up to log m(v), by sums over each hidden unit alone."""
        k = self.hidden.columns
        own = -self.stiffness * self._own(self.visible, v, self.a)
        if self.hidden.kind == "gaussian":
            own = own - self.stiffness * (self.b**2).sum() / (2 * self.hidden.variance)
        eta = self.hidden_input(v).reshape(len(v), -1, k)
        sums = [sum(log_normaliser(self.hidden, e, self.stiffness) for e in row) for row in eta]
        return own + np.array(sums)

    def hidden_mean(self, v: np.ndarray) -> np.ndarray:
        """E[h | v], (n, H)."""
        eta = self.hidden_input(v).reshape(len(v), -1, self.hidden.columns)
        means = [[mean(self.hidden, e, self.stiffness) for e in row] for row in eta]
        return np.array([np.concatenate(row) for row in means])

    @cached_property
    def table(self) -> tuple[np.ndarray, np.ndarray]:
        """All visible states (n, V), which must be bounded, and their log p, unnormalised."""
        x, log_m = states(self.visible, len(self.a) // self.visible.columns)
        return x, self.log_p(x) + log_m

    @property
    def log_z(self) -> float:
        """log Z by enumerating a bounded layer."""
        model = self if self.visible.bounded else self.transposed
        return float(special.logsumexp(model.table[1]))

    @cached_property
    def p(self) -> np.ndarray:
        """p(v) of the states in `table`."""
        return np.asarray(special.softmax(self.table[1]))

    def moments(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """E[v h^T], E[v], E[h]."""
        if not self.visible.bounded:
            products, h, v = self.transposed.moments()
            return products.T, v, h
        x = self.table[0]
        y = self.hidden_mean(x)
        return x.T @ (self.p[:, None] * y), self.p @ x, self.p @ y
