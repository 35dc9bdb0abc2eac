"""Small deep Boltzmann machines by enumeration, and their mean field, in plain NumPy float64."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from reference import sigmoid, states


def extrapolated(
    x: np.ndarray, start: np.ndarray, last: np.ndarray, change: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the next step starts, G and f, as csrc/ops/mean_field.h has them."""
    f = x - start
    now, before, apart = (np.square(y).sum(axis=1) for y in (f, change, f - change))
    along = (f * (f - change)).sum(axis=1)
    t = np.clip(along / np.where(apart > 0, apart, 1), -4, 4)
    t[(now > before) | (np.abs(f).max(axis=1) < 2.0**-17) | (apart == 0)] = 0
    return np.clip(x - t[:, None] * (x - last), 0, 1), x, f


class EnumeratedDBM:
    """Every probability of a DBM of at most about 16 units, from its joint table.

    Parameters
    ----------
    weights, biases : arrays (N_l, N_{l+1}) and (N_l,)
    beta : float
        Inverse temperature.
    """

    def __init__(
        self, weights: Sequence[np.ndarray], biases: Sequence[np.ndarray], beta: float = 1.0
    ) -> None:
        self.weights = [np.asarray(w, dtype=np.float64) for w in weights]
        self.biases = [np.asarray(b, dtype=np.float64) for b in biases]
        self.beta = beta
        self.layers = len(self.biases)

    @cached_property
    def x(self) -> list[np.ndarray]:
        """All states of each layer."""
        return [states(len(b)) for b in self.biases]

    @cached_property
    def minus_energy(self) -> np.ndarray:
        """-beta E of every joint state; axis l counts the states of layer l."""
        total = np.zeros([len(x) for x in self.x])
        for layer in range(self.layers):
            shape = [1] * self.layers
            shape[layer] = len(self.x[layer])
            total = total + (self.x[layer] @ self.biases[layer]).reshape(shape)
            if layer + 1 < self.layers:
                shape[layer + 1] = len(self.x[layer + 1])
                pair = self.x[layer] @ self.weights[layer] @ self.x[layer + 1].T
                total = total + pair.reshape(shape)
        return self.beta * total

    @cached_property
    def log_z(self) -> float:
        return float(np.logaddexp.reduce(self.minus_energy, axis=None))

    @cached_property
    def joint(self) -> np.ndarray:
        return np.exp(self.minus_energy - self.log_z)

    @cached_property
    def log_p_v(self) -> np.ndarray:
        return np.log(self.joint.sum(axis=tuple(range(1, self.layers))))

    @cached_property
    def even_odd(self) -> np.ndarray:
        """The joint table as (even states, odd states); a layer further up counts faster."""
        even, odd = range(0, self.layers, 2), range(1, self.layers, 2)
        table = self.joint.transpose([*even, *odd])
        return table.reshape(int(np.prod(table.shape[: len(even)])), -1)

    @cached_property
    def even_given_odd(self) -> np.ndarray:
        """p(even | odd), (odd states, even states)."""
        return (self.even_odd / self.even_odd.sum(axis=0)).T

    @cached_property
    def odd_given_even(self) -> np.ndarray:
        """p(odd | even), (even states, odd states)."""
        return self.even_odd / self.even_odd.sum(axis=1, keepdims=True)

    def moment(self, layer: int) -> np.ndarray:
        """<x_l x_{l+1}^T> under the model, (N_l, N_{l+1})."""
        others = tuple(i for i in range(self.layers) if i not in (layer, layer + 1))
        return self.x[layer].T @ self.joint.sum(axis=others) @ self.x[layer + 1]

    def mean(self, layer: int) -> np.ndarray:
        """<x_l> under the model."""
        others = tuple(i for i in range(self.layers) if i != layer)
        return self.joint.sum(axis=others) @ self.x[layer]

    def layer_mean(self, x: Sequence[np.ndarray], layer: int) -> np.ndarray:
        """sigmoid of what layer l gets from its neighbours."""
        total = np.broadcast_to(self.biases[layer], (len(x[0]), len(self.biases[layer])))
        if layer > 0:
            total = total + x[layer - 1] @ self.weights[layer - 1]
        if layer + 1 < self.layers:
            total = total + x[layer + 1] @ self.weights[layer].T
        return sigmoid(self.beta * total)

    def mean_field(self, v: np.ndarray, iterations: int) -> list[np.ndarray]:
        """v and the means after so many iterations, odd layers first, from a doubled pass up."""
        x = [v.astype(np.float64)]
        for layer, (w, b) in enumerate(zip(self.weights, self.biases[1:])):
            scale = 2.0 if layer + 2 < self.layers else 1.0
            x.append(sigmoid(self.beta * (scale * x[-1] @ w + b)))
        for _ in range(iterations):
            for first in (1, 2):
                for layer in range(first, self.layers, 2):
                    x[layer] = self.layer_mean(x, layer)
        return x

    def settled(
        self, v: np.ndarray, tolerance: float, *, plain: bool = False
    ) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
        """v and the means once none of a row moves by the tolerance, even layers extrapolated.

        Also each row's iterations, and its largest change in every one of them: NaN when done.
        """
        x, changes = self.mean_field(v, 0), []
        even = range(2, self.layers, 2)
        joint = np.concatenate([x[layer] for layer in even], axis=1)
        step = (joint, 0 * joint, 0 * joint)
        active = np.ones(len(v), dtype=bool)
        while active.any():
            earlier = list(x)
            for first in (1, 2):
                for layer in range(first, self.layers, 2):
                    x[layer] = np.where(active[:, None], self.layer_mean(x, layer), x[layer])
            moved = [np.abs(a - b).max(axis=1) for a, b in zip(x, earlier)]
            changes.append(np.where(active, np.max(moved, axis=0), np.nan))
            active = active & (changes[-1] >= tolerance)
            step = extrapolated(np.concatenate([x[layer] for layer in even], axis=1), *step)
            ends = np.cumsum([len(self.biases[layer]) for layer in even])
            for layer, new in zip(even, np.split(step[0], ends[:-1], axis=1)) if not plain else ():
                x[layer] = np.where(active[:, None], new, x[layer])
        return x, np.isfinite(changes).sum(axis=0), np.array(changes)

    def bound(self, x: Sequence[np.ndarray]) -> np.ndarray:
        """E_q[-beta E] + H(q) - log Z of factorial q with means x[1:], for v = x[0]; (n,)."""
        total = np.full(len(x[0]), -self.log_z)
        for layer in range(self.layers):
            total += self.beta * (x[layer] @ self.biases[layer])
            if layer > 0:
                pair = (x[layer - 1] @ self.weights[layer - 1]) * x[layer]
                total += self.beta * pair.sum(axis=1)
                p = np.clip(x[layer], 1e-300, 1 - 1e-16)
                total -= (p * np.log(p) + (1 - p) * np.log1p(-p)).sum(axis=1)
        return total
