"""Every probability of a small deep belief network, by enumeration in float64."""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from reference import Enumerated, index_of, sigmoid, states

Parameters = dict[str, np.ndarray]


def random_parameters(
    sizes: list[int], seed: int, spread: float = 0.9, classes: int = 0
) -> Parameters:
    """Weights from Normal(0, spread^2), recognition unlike generative; biases half as wide."""
    rng = np.random.default_rng(seed)
    out: Parameters = {}
    for level, (below, above) in enumerate(pairwise(sizes[:-1])):
        out[f"generative_{level}"] = rng.normal(0, spread, (below, above))
        out[f"down_bias_{level}"] = rng.normal(0, spread / 2, below)
        out[f"recognition_{level}"] = rng.normal(0, spread, (below, above))
        out[f"up_bias_{level}"] = rng.normal(0, spread / 2, above)
    out["top_W"] = rng.normal(0, spread, sizes[-2:])
    out["top_v_bias"] = rng.normal(0, spread / 2, sizes[-2])
    out["top_h_bias"] = rng.normal(0, spread / 2, sizes[-1])
    if classes:
        out["top_U"] = rng.normal(0, spread, (classes, sizes[-1]))
        out["top_y_bias"] = rng.normal(0, spread / 2, classes)
    return {name: value.astype(np.float32) for name, value in out.items()}


def size_id(sizes: list[int]) -> str:
    """The layers in a test's name."""
    return "x".join(map(str, sizes))


def table(given: np.ndarray, weights: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """p(x | given row) of every binary x, x = 1 with probability sigmoid(given W + b)."""
    eta = given.astype(np.float64) @ weights.astype(np.float64) + bias
    score = eta @ states(len(bias)).T
    return np.exp(score - np.logaddexp(0, eta).sum(axis=1)[:, None])


class EnumeratedDBN:
    """Tables of a DBN whose layers have at most about 8 units each."""

    def __init__(self, sizes: list[int], parameters: Parameters) -> None:
        self.sizes, self.p = sizes, parameters
        self.top = self.enumerated_top()
        self.directed = range(len(sizes) - 2)

    def enumerated_top(self) -> Any:
        return Enumerated(*(self.p[f"top_{n}"] for n in ("W", "v_bias", "h_bias")))

    @cached_property
    def down(self) -> list[np.ndarray]:
        """p(x_l | x_{l+1}), (2^N_{l+1}, 2^N_l)."""
        return [
            table(states(n), self.p[f"generative_{at}"].T, self.p[f"down_bias_{at}"])
            for at, n in enumerate(self.sizes[1:-1])
        ]

    @cached_property
    def up(self) -> list[np.ndarray]:
        """q(x_{l+1} | x_l), (2^N_l, 2^N_{l+1})."""
        return [
            table(states(n), self.p[f"recognition_{at}"], self.p[f"up_bias_{at}"])
            for at, n in enumerate(self.sizes[:-2])
        ]

    def generated(self, p: np.ndarray) -> np.ndarray:
        """The distribution of v where x_{D-1} has distribution p."""
        for level in reversed(self.directed):
            p = p @ self.down[level]
        return p

    @cached_property
    def p_v(self) -> np.ndarray:
        return self.generated(self.top.p_v)

    @cached_property
    def bound(self) -> np.ndarray:
        """E_q[log p(v, x) - log q(x | v)] of every v, (2^V,)."""
        value = np.log(self.top.p_v)  # of what lies at and above x_l, by x_l
        for level in reversed(self.directed):
            inside = np.log(self.down[level]).T + value[None, :] - np.log(self.up[level])
            value = (self.up[level] * inside).sum(axis=1)
        return value

    def _mean_moments(
        self, joint: np.ndarray, weights: np.ndarray, bias: np.ndarray, n: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """E x^T (y - sigmoid(x W + b)) and E (y - sigmoid), for joint (2^X, 2^Y)."""
        x, y = states(n[0]), states(n[1])
        rest = joint @ y - joint.sum(axis=1)[:, None] * sigmoid(x @ weights + bias)
        return x.T @ rest, rest.sum(axis=0)

    def wake_gradient(self, level: int, below: np.ndarray) -> tuple[Parameters, np.ndarray]:
        """Of the generative parameters, where x_l has distribution `below`; that of x_{l+1}."""
        joint = below[:, None] * self.up[level]
        g, bias = self.p[f"generative_{level}"], self.p[f"down_bias_{level}"]
        n = self.sizes[level + 1], self.sizes[level]
        weights, biases = self._mean_moments(joint.T, g.T, bias, n)
        out = {f"generative_{level}": weights.T, f"down_bias_{level}": biases}
        return out, joint.sum(axis=0)

    def sleep_gradient(self, level: int, above: np.ndarray) -> tuple[Parameters, np.ndarray]:
        """Of the recognition parameters, where x_{l+1} has distribution `above`; that of x_l."""
        joint = (above[:, None] * self.down[level]).T
        r, bias = self.p[f"recognition_{level}"], self.p[f"up_bias_{level}"]
        n = self.sizes[level], self.sizes[level + 1]
        weights, biases = self._mean_moments(joint, r, bias, n)
        return {f"recognition_{level}": weights, f"up_bias_{level}": biases}, joint.sum(axis=1)

    def top_gradient(self, below: np.ndarray, k: int) -> tuple[Parameters, np.ndarray]:
        """Of CD-k, where x_{D-1} has distribution `below`; the distribution after the sweeps."""
        h = below @ self.top.h_given_v
        positive = self.top.v.T @ (below[:, None] * (self.top.h_given_v @ self.top.h))
        negative = self.top.expected_negative(h, k)
        out = {"top_W": positive - negative[0]}
        out["top_v_bias"] = below @ self.top.v - negative[1]
        out["top_h_bias"] = h @ self.top.h - negative[2]
        return out, h @ self.top.v_given_h @ np.linalg.matrix_power(self.top.sweep_v, k - 1)

    def expected_up_down(self, v: np.ndarray, k: int) -> Parameters:
        """The expected up-down gradient over binary rows v, by parameter."""
        out: Parameters = {}
        x = np.bincount(index_of(v), minlength=2 ** self.sizes[0]) / len(v)
        for level in self.directed:
            wake, x = self.wake_gradient(level, x)
            out |= wake
        top, x = self.top_gradient(x, k)
        out |= top
        for level in reversed(self.directed):
            sleep, x = self.sleep_gradient(level, x)
            out |= sleep
        return out
