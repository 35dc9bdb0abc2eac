"""Parallel tempering in plain NumPy: its twin, word for word, and its transition matrix."""

from __future__ import annotations

from functools import reduce

import numpy as np
import reference
from cd_twin import SAFE_MARGIN
from reference import HIDDEN, VISIBLE, Enumerated

SWAP = 6  # the layer of the words that decide on exchanges


class TemperingTwin:
    """Replicas [level][chain] of states, in float64, drawing the words of the core's rows."""

    def __init__(
        self,
        w: np.ndarray,
        a: np.ndarray,
        b: np.ndarray,
        betas: list[float],
        chains: int,
        seed: int,
    ) -> None:
        self.w, self.a, self.b = (x.astype(np.float64) for x in (w, a, b))
        self.betas = np.float32(betas).astype(np.float64)
        self.chains, self.seed, self.draws = chains, seed, 0
        self.row = np.arange(len(betas) * chains).reshape(len(betas), chains)  # of each place
        fair = np.full((self.row.size, len(b)), 0.5)
        self.h = self.fired(fair, HIDDEN)  # by rows
        self.v = np.zeros((self.row.size, len(a)))
        self.accepted = np.zeros(len(betas) - 1)
        self.proposed = np.zeros(len(betas) - 1)
        self.sweeps = 0
        self.last_end = np.zeros(self.row.size, int)
        self.trips = 0

    def stream(self, layer: int) -> int:
        self.draws += 1
        return reference.stream_of(self.draws - 1, layer)

    def fired(self, p: np.ndarray, layer: int) -> np.ndarray:
        u = reference.uniforms(*p.shape, self.seed, self.stream(layer))
        assert np.abs(u - p)[p != 0.5].min(initial=1) > SAFE_MARGIN, "choose another seed"
        return (u < p).astype(np.float64)

    def sweep(self) -> None:
        beta = np.empty(self.row.size)
        beta[self.row] = self.betas[:, None]
        down = self.h @ self.w.T + self.a
        self.v = self.fired(reference.sigmoid(beta[:, None] * down), VISIBLE)
        up = self.v @ self.w + self.b
        self.h = self.fired(reference.sigmoid(beta[:, None] * up), HIDDEN)
        energy = -self.v @ self.a - (self.h * up).sum(axis=1)
        if len(self.betas) > 1:
            self.exchange(energy)
        self.sweeps += 1

    def exchange(self, energy: np.ndarray) -> None:
        stream = self.stream(SWAP)
        u = reference.fine_uniforms(self.row.size, self.seed, stream).reshape(self.row.shape)
        for t in range(self.sweeps % 2, len(self.betas) - 1, 2):
            hot, cold = self.row[t].copy(), self.row[t + 1].copy()
            rise = (self.betas[t + 1] - self.betas[t]) * (energy[cold] - energy[hot])
            p = np.exp(np.minimum(0, rise))
            assert np.abs(u[t] - p).min() > SAFE_MARGIN, "choose another seed"
            self.accepted[t] += p.sum()
            self.proposed[t] += self.chains
            swaps = u[t] < p
            self.row[t] = np.where(swaps, cold, hot)
            self.row[t + 1] = np.where(swaps, hot, cold)
        self.note_ends()

    def note_ends(self) -> None:
        hot, cold = self.row[0], self.row[-1]
        self.last_end[hot[self.last_end[hot] == 1]] = 2
        self.trips += int((self.last_end[cold] == 2).sum())
        self.last_end[cold] = 1


class TemperingTable:
    """The transition of one sweep and one round of exchanges, over the hidden states of T replicas.

    A joint state of a replica is v 2^H + h; tuples count level 0 slowest.
    """

    def __init__(self, models: list[Enumerated]) -> None:
        self.models = models
        first = models[0]
        self.n_v, self.n_h = len(first.v), len(first.h)
        # h -> (v, h'): p(v | h) p(h' | v).
        self.sweeps = [
            (m.v_given_h[:, :, None] * m.h_given_v[None]).reshape(self.n_h, -1) for m in models
        ]

    def exchanged(self, p: np.ndarray, parity: int) -> np.ndarray:
        """Distributions over joint states, the rows of p, after the exchanges of one parity."""
        levels, joint = len(self.models), self.n_v * self.n_h
        table = p.reshape(-1, *[joint] * levels)
        energy = self.models[-1].minus_energy.ravel() / -self.models[-1].beta
        for t in range(parity, levels - 1, 2):
            gap = self.models[t + 1].beta - self.models[t].beta
            accept = np.exp(np.minimum(0, gap * (energy[None, :] - energy[:, None])))
            shape = [1] * (levels + 1)
            shape[t + 1] = shape[t + 2] = joint
            moved = table * accept.reshape(shape)
            table = table - moved + np.swapaxes(moved, t + 1, t + 2)
        return table.reshape(len(p), -1)

    def hidden(self, p: np.ndarray) -> np.ndarray:
        """Distributions over the tuples of hidden states alone."""
        levels = len(self.models)
        table = p.reshape(-1, *[self.n_v, self.n_h] * levels)
        return table.sum(axis=tuple(range(1, 2 * levels, 2))).reshape(len(p), -1)

    def matrix(self, sweeps: int) -> np.ndarray:
        """Transition of the tuples of hidden states, the first exchanges being of even pairs."""
        swept = reduce(np.kron, self.sweeps)  # (n_h^T, (n_v n_h)^T)
        steps = [self.hidden(self.exchanged(swept, s % 2)) for s in range(sweeps)]
        return reduce(np.matmul, steps)

    def visible(self, p: np.ndarray, sweeps: int) -> np.ndarray:
        """Distribution of v at the last level after sweeps from tuples drawn from p, (n_h,) * T."""
        shape = p.shape
        for s in range(sweeps):
            for matrix in self.sweeps:  # each replaces the first axis by one at the end
                p = np.tensordot(p, matrix, axes=(0, 0))
            joint = self.exchanged(p.reshape(1, -1), s % 2)
            p = self.hidden(joint).reshape(shape)
        last = joint.reshape(-1, self.n_v * self.n_h).sum(axis=0)
        return last.reshape(self.n_v, self.n_h).sum(axis=1)

    @property
    def p_h(self) -> np.ndarray:
        """What the transition leaves invariant: the product of the levels' p(h)."""
        return reduce(np.kron, [m.p_h for m in self.models])

    def swap_rates(self) -> np.ndarray:
        """Expected acceptance probability of each pair, started exactly."""
        energy = self.models[-1].minus_energy.ravel() / -self.models[-1].beta
        rates = []
        for hot, cold in zip(self.models, self.models[1:]):
            gap = cold.beta - hot.beta
            accept = np.exp(np.minimum(0, gap * (energy[None, :] - energy[:, None])))
            rates.append(hot.joint.ravel() @ accept @ cold.joint.ravel())
        return np.array(rates)
