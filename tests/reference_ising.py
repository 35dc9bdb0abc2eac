"""The two-dimensional Ising model on a small torus by enumeration, and Kaufman's exact solution.

A state is a row of 0/1 spins, row-major; site i of state s is bit i of s, as in `reference.states`.
Bonds come from a list of pairs, not from index tables as in the core.
"""

from __future__ import annotations

from functools import cached_property
from itertools import product

import numpy as np
from reference import states

CRITICAL = 2 / np.log(1 + np.sqrt(2))


def bonds(size: int) -> np.ndarray:
    """The 2 L^2 pairs of neighbours; at L = 2 each pair comes twice."""
    sites = product(range(size), repeat=2)
    pairs = [
        ((r, c), step) for r, c in sites for step in (((r + 1) % size, c), (r, (c + 1) % size))
    ]
    return np.array([[a[0] * size + a[1], b[0] * size + b[1]] for a, b in pairs])


class EnumeratedIsing:
    """Every state of an L x L torus at temperature T, and the transitions of the samplers."""

    def __init__(self, size: int, temperature: float) -> None:
        self.size, self.beta = size, 1 / temperature
        self.sites = size * size
        self.bonds = bonds(size)

    @cached_property
    def spins(self) -> np.ndarray:
        """-1 and +1, (2^N, N)."""
        return 2 * states(self.sites) - 1

    @cached_property
    def energy(self) -> np.ndarray:
        """E(s), not per site."""
        return -sum(self.spins[:, i] * self.spins[:, j] for i, j in self.bonds)

    @cached_property
    def p(self) -> np.ndarray:
        weight = np.exp(-self.beta * (self.energy - self.energy.min()))
        return weight / weight.sum()

    def mean(self, values: np.ndarray) -> float:
        return float(self.p @ values)

    @cached_property
    def heat_capacity(self) -> float:
        """Per site."""
        variance = self.mean(self.energy**2) - self.mean(self.energy) ** 2
        return variance * self.beta**2 / self.sites

    def heat_bath_row(self, state: int) -> np.ndarray:
        """Where one sweep leads from a state: chequerboard order, black sites first."""
        p = np.zeros(2**self.sites)
        p[state] = 1.0
        cells = [(r + c) % 2 for r in range(self.size) for c in range(self.size)]
        for i in np.argsort(cells, kind="stable"):
            flipped = np.arange(len(p)) ^ (1 << i)
            pair = p + p[flipped]  # of the states that agree but in site i
            p = pair * self.p / (self.p + self.p[flipped])
        return p

    def wolff_row(self, state: int) -> np.ndarray:
        """Where flipping one cluster leads from a state: every set of open bonds, every site."""
        s = self.spins[state]
        satisfied = [(i, j) for i, j in self.bonds if s[i] == s[j]]
        join = 1 - np.exp(-2 * self.beta)
        p = np.zeros(2**self.sites)
        for opened in product((False, True), repeat=len(satisfied)):
            chosen = [bond for bond, is_open in zip(satisfied, opened) if is_open]
            weight = join ** len(chosen) * (1 - join) ** (len(satisfied) - len(chosen))
            for cluster in self._clusters(chosen):
                p[state ^ sum(1 << i for i in cluster)] += weight * len(cluster) / self.sites
        return p

    def _clusters(self, opened: list[tuple[int, int]]) -> list[set[int]]:
        clusters = [{i} for i in range(self.sites)]
        for i, j in opened:
            touched = [c for c in clusters if i in c or j in c]
            clusters = [c for c in clusters if not (i in c or j in c)] + [set().union(*touched)]
        return clusters

    def transition_row(self, method: str, state: int) -> np.ndarray:
        if method == "heat_bath":
            return self.heat_bath_row(state)
        if method == "wolff":
            return self.wolff_row(state)
        between = self.heat_bath_row(state)
        rows = np.stack([self.wolff_row(k) for k in range(len(between))])
        return between @ rows


def log_partition(coupling: float, size: int) -> float:
    """log Z of the L x L torus at K = J / T: Kaufman (1949), Phys. Rev. 76, 1232."""
    r = np.arange(2 * size)
    cosh = np.cosh(2 * coupling) ** 2 / np.sinh(2 * coupling) - np.cos(np.pi * r / size)
    gamma = np.arccosh(np.maximum(cosh, 1.0))
    gamma[0] = 2 * coupling + np.log(np.tanh(coupling))  # changes its sign at the critical point
    half = gamma * size / 2
    log_cosh, log_sinh = np.logaddexp(half, -half), np.log(2 * np.abs(np.sinh(half)))
    terms = [f[first::2].sum() for first in (1, 0) for f in (log_cosh, log_sinh)]
    signs = [1.0, 1.0, 1.0, np.sign(gamma[0])]
    top = max(terms)
    total = sum(sign * np.exp(term - top) for sign, term in zip(signs, terms))
    sites = size * size
    return float(-np.log(2) + sites / 2 * np.log(2 * np.sinh(2 * coupling)) + top + np.log(total))


def exact_energy(temperature: float, size: int, step: float = 1e-4) -> float:
    """Mean energy per site of the L x L torus: -d log Z / dK / L^2, by central difference."""
    k = 1 / temperature
    slope = (log_partition(k + step, size) - log_partition(k - step, size)) / (2 * step)
    return -slope / size**2
