"""One training step of the Bernoulli RBM in plain NumPy float64, drawing the same words.

The twin repeats the trainer's decisions exactly as long as no uniform lies within rounding error of
its probability; it fails rather than guess when one does, so a seed that works works everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import reference
from reference import DATA, HIDDEN, VISIBLE

SAFE_MARGIN = 1e-6


@dataclass
class Twin:
    """Parameters, optimiser state, chains and position in the random stream."""

    w: np.ndarray
    a: np.ndarray
    b: np.ndarray
    seed: int
    options: dict[str, Any]
    draws: int = 0
    chains: np.ndarray | None = None
    velocity: dict[str, np.ndarray] = field(default_factory=dict)
    mu: np.ndarray | None = None  # offsets of the centred gradient
    lam: np.ndarray | None = None
    activity: np.ndarray | None = None

    def __post_init__(self) -> None:
        self.w, self.a, self.b = (x.astype(np.float64) for x in (self.w, self.a, self.b))
        self.velocity = {n: np.zeros_like(x) for n, x in zip("wab", (self.w, self.a, self.b))}
        self.mu, self.lam = np.zeros_like(self.a), np.zeros_like(self.b)
        self.activity = np.zeros_like(self.b)
        if self.chains is None and self.option("persistent", True):
            self.chains = np.zeros((self.option("n_chains", 0), len(self.b)))

    def option(self, name: str, default: Any = 0) -> Any:
        return self.options.get(name, default)

    def draw(self, p: np.ndarray, layer: int) -> np.ndarray:
        u = reference.uniforms(*p.shape, self.seed, reference.stream_of(self.draws, layer))
        self.draws += 1
        margin = np.abs(u - p)[(p > 0) & (p < 1)]
        assert margin.size == 0 or margin.min() > SAFE_MARGIN, "choose another seed"
        return (u < p).astype(np.float64)

    def hidden_mean(self, v: np.ndarray) -> np.ndarray:
        return reference.sigmoid(v @ self.w + self.b)

    def visible_mean(self, h: np.ndarray) -> np.ndarray:
        return reference.sigmoid(h @ self.w.T + self.a)

    def phases(self, v0: np.ndarray) -> tuple[np.ndarray, ...]:
        """v0, h0 mean, h0 (or mean), v1, h1 mean, h1."""
        if self.option("sample_input") and not np.isin(v0, (0, 1)).all():
            v0 = self.draw(v0, DATA)
        persistent = self.option("persistent", True)
        p0 = h0 = self.hidden_mean(v0)
        if not persistent or self.option("hidden_samples"):
            h0 = self.draw(p0, HIDDEN)
        h1 = self.chains if persistent else h0
        for left in range(self.option("k", 1), 0, -1):
            v1 = self.draw(self.visible_mean(h1), VISIBLE)
            p1 = h1 = self.hidden_mean(v1)
            if left > 1 or persistent or self.option("hidden_samples"):
                h1 = self.draw(p1, HIDDEN)
        if persistent:
            self.chains = h1
        return v0, p0, h0, v1, p1, h1

    def gradient(self, v0: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        v0, p0, h0, v1, p1, h1 = self.phases(v0)
        positive, negative = (h0, h1) if self.option("hidden_samples") else (p0, p1)
        g_a = v0.mean(axis=0) - v1.mean(axis=0)
        g_b = positive.mean(axis=0) - negative.mean(axis=0)
        g_w = v0.T @ positive / len(v0) - v1.T @ negative / len(v1)
        if self.option("centered"):
            rate = np.float32(self.option("offset_rate", 0.01)).astype(float)
            self.mu = self.mu + rate * (v0.mean(axis=0) - self.mu)
            self.lam = self.lam + rate * (p0.mean(axis=0) - self.lam)
            # Montavon and Mueller (2012): statistics of v - mu, h - lambda, then back to the
            # uncentred biases, whose fields W lambda and W^T mu have moved with W.
            centred = (v0 - self.mu).T @ (positive - self.lam) / len(v0)
            g_w = centred - (v1 - self.mu).T @ (negative - self.lam) / len(v1)
            g_a, g_b = g_a - g_w @ self.lam, g_b - g_w.T @ self.mu
        if self.option("sparsity_cost"):
            decay = self.option("sparsity_decay", 0.9)
            self.activity = decay * self.activity + (1 - decay) * p0.mean(axis=0)
            pressure = self.option("sparsity_target") - self.activity
            pressure = self.option("sparsity_cost") * pressure
            g_b = g_b + pressure
            g_w = g_w + np.outer(v0.mean(axis=0), pressure)
        return g_w, g_a, g_b

    def step(self, v0: np.ndarray, learning_rate: float) -> None:
        g_w, g_a, g_b = self.gradient(v0.astype(np.float64))
        momentum = self.option("momentum", 0.0)
        penalties = {"l1": self.option("l1", 0.0), "l2": self.option("l2", 0.0)}
        v = self.velocity
        self.w, v["w"] = reference.update(self.w, g_w, v["w"], learning_rate, momentum, **penalties)
        self.a, v["a"] = reference.update(self.a, g_a, v["a"], learning_rate, momentum)
        self.b, v["b"] = reference.update(self.b, g_b, v["b"], learning_rate, momentum)
        if self.option("max_norm"):
            self.w = reference.limit_column_norms(self.w, self.option("max_norm"))
