"""The classification RBM by enumeration and in plain formulas, in float64 NumPy."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from reference import states

Parameters = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def parameters(v: int, h: int, k: int, spread: float = 0.8, seed: int = 0) -> Parameters:
    """W (V, H), U (K, H), a, b, d from Normal(0, spread^2), in float32."""
    rng = np.random.default_rng(1000 * v + 100 * h + 10 * k + seed)
    shapes = [(v, h), (k, h), (v,), (h,), (k,)]
    return tuple(rng.normal(0, spread, s).astype(np.float32) for s in shapes)  # type: ignore[return-value]


def scores(theta: Parameters, v: np.ndarray) -> np.ndarray:
    """log sum_h exp(-E(y, v, h)) of every label but a.v, (n, K), by the closed form."""
    w, u, _, b, d = (x.astype(np.float64) for x in theta)
    inputs = (v.astype(np.float64) @ w + b)[:, None, :] + u
    return d + np.logaddexp(0, inputs).sum(axis=2)


def log_proba(theta: Parameters, v: np.ndarray) -> np.ndarray:
    s = scores(theta, v)
    return s - np.logaddexp.reduce(s, axis=1)[:, None]


class EnumeratedClassifier:
    """Every probability of a small model, from its table over (v, y, h)."""

    def __init__(self, theta: Parameters) -> None:
        self.w, self.u, self.a, self.b, self.d = (x.astype(np.float64) for x in theta)
        self.v, self.h = states(len(self.a)), states(len(self.b))

    @cached_property
    def minus_energy(self) -> np.ndarray:
        """-E, (2^V, K, 2^H)."""
        pair = self.v @ self.w @ self.h.T + (self.v @ self.a)[:, None] + self.h @ self.b
        return pair[:, None, :] + self.u @ self.h.T + self.d[:, None]

    @cached_property
    def joint(self) -> np.ndarray:
        return np.exp(self.minus_energy - np.logaddexp.reduce(self.minus_energy, axis=None))

    @cached_property
    def free_energy(self) -> np.ndarray:
        return -np.logaddexp.reduce(self.minus_energy, axis=2)

    @cached_property
    def log_proba(self) -> np.ndarray:
        """log p(y | v), (2^V, K)."""
        p = self.joint.sum(axis=2)
        return np.log(p / p.sum(axis=1, keepdims=True))

    @cached_property
    def p_h(self) -> np.ndarray:
        return self.joint.sum(axis=(0, 1))

    @cached_property
    def vy_given_h(self) -> np.ndarray:
        """p(v, y | h), (2^H, 2^V K)."""
        return (self.joint / self.p_h).reshape(-1, len(self.h)).T

    @cached_property
    def h_given_vy(self) -> np.ndarray:
        """p(h | v, y), (2^V K, 2^H)."""
        flat = self.joint.reshape(-1, len(self.h))
        return flat / flat.sum(axis=1, keepdims=True)

    @cached_property
    def sweep(self) -> np.ndarray:
        """Transition matrix of h -> (v, y) -> h."""
        return self.vy_given_h @ self.h_given_vy

    def moments(self, p_vy: np.ndarray) -> Parameters:
        """E of v h^T, y h^T, v, h and y, with h ~ p(h | v, y), over (v, y) from p_vy (2^V K,)."""
        k = len(self.d)
        v, y = np.repeat(self.v, k, axis=0), np.tile(np.eye(k), (len(self.v), 1))
        h = self.h_given_vy @ self.h
        p = p_vy[:, None]
        return v.T @ (p * h), y.T @ (p * h), (p * v).sum(axis=0), p_vy @ h, (p * y).sum(axis=0)

    def p_data(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The empirical distribution of rows and labels, (2^V K,)."""
        at = (x @ np.exp2(np.arange(x.shape[1]))).astype(int) * len(self.d) + y
        return np.bincount(at, minlength=len(self.v) * len(self.d)) / len(x)

    def expected_cd(self, p0: np.ndarray, p_h: np.ndarray, k: int) -> Parameters:
        """Expected gradient: data distribution p0 against k sweeps from hidden states p_h."""
        for _ in range(k - 1):
            p_h = p_h @ self.sweep
        negative = self.moments(p_h @ self.vy_given_h)
        return tuple(p - n for p, n in zip(self.moments(p0), negative))  # type: ignore[return-value]


def discriminative_gradient(theta: Parameters, x: np.ndarray, y: np.ndarray) -> Parameters:
    """Of mean log p(y | x), by central differences of step 1e-5 in float64."""
    out = []
    for place, part in enumerate(theta):
        gradient = np.zeros(part.shape)
        for index in np.ndindex(part.shape):
            values = []
            for step in (1e-5, -1e-5):
                moved = [p.astype(np.float64) for p in theta]
                moved[place][index] += step
                log_p = log_proba(tuple(moved), x)  # type: ignore[arg-type]
                values.append(log_p[np.arange(len(y)), y].mean())
            gradient[index] = (values[0] - values[1]) / 2e-5
        out.append(gradient)
    return tuple(out)  # type: ignore[return-value]
