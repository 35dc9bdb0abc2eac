"""One training step of the DBM in plain NumPy float64, drawing the same words; see `cd_twin`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import reference
from cd_twin import SAFE_MARGIN
from reference import DATA, HIDDEN, VISIBLE
from reference_dbm import EnumeratedDBM


@dataclass
class DBMTwin:
    """Parameters, optimiser state, chains (odd layers) and position in the random stream."""

    weights: Sequence[np.ndarray]
    biases: Sequence[np.ndarray]
    seed: int
    options: dict[str, Any]
    draws: int = 0
    chains: dict[int, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.weights = [w.astype(np.float64) for w in self.weights]
        self.biases = [b.astype(np.float64) for b in self.biases]
        self.velocity_w = [np.zeros_like(w) for w in self.weights]
        self.velocity_b = [np.zeros_like(b) for b in self.biases]
        self.offsets = [np.zeros_like(b) for b in self.biases]
        n = self.options["n_chains"]
        for layer in range(1, len(self.biases), 2):
            self.chains.setdefault(layer, np.zeros((n, len(self.biases[layer]))))

    def draw(self, p: np.ndarray, layer: int) -> np.ndarray:
        u = reference.uniforms(*p.shape, self.seed, reference.stream_of(self.draws, layer))
        self.draws += 1
        margin = np.abs(u - p)[(p > 0) & (p < 1)]
        assert margin.size == 0 or margin.min() > SAFE_MARGIN, "choose another seed"
        return (u < p).astype(np.float64)

    @property
    def model(self) -> EnumeratedDBM:
        return EnumeratedDBM(self.weights, self.biases)

    def negative(self) -> list[np.ndarray]:
        """Even layers as drawn and odd ones as probabilities, after the sweeps."""
        layers, model = len(self.biases), self.model
        rows = self.options["n_chains"]
        x = [
            self.chains.get(layer, np.zeros((rows, len(b)))) for layer, b in enumerate(self.biases)
        ]
        means = list(x)
        for _ in range(self.options["k"]):
            for parity in (0, 1):
                for layer in range(parity, layers, 2):
                    means[layer] = model.layer_mean(x, layer)
                    x[layer] = self.draw(means[layer], HIDDEN if layer else VISIBLE)
        self.chains = {layer: x[layer] for layer in range(1, layers, 2)}
        return [means[layer] if layer % 2 else x[layer] for layer in range(layers)]

    def step(self, v: np.ndarray, rate: float) -> None:
        if self.options.get("sample_input") and not np.isin(v, (0, 1)).all():
            v = self.draw(v.astype(np.float64), DATA)
        data = self.model.mean_field(v, self.options["mean_field_iterations"])
        self.apply(data, self.negative(), rate)

    def apply(self, data: list[np.ndarray], model: list[np.ndarray], rate: float) -> None:
        g_b = [a.mean(axis=0) - b.mean(axis=0) for a, b in zip(data, model)]
        centred = self.options.get("centered", False)
        if centred:
            r = np.float32(self.options.get("offset_rate", 0.01)).astype(float)
            self.offsets = [o + r * (x.mean(axis=0) - o) for o, x in zip(self.offsets, data)]
        moved = list(g_b)
        for i, w in enumerate(self.weights):
            mu, lam = self.offsets[i], self.offsets[i + 1]
            g = (data[i] - mu).T @ (data[i + 1] - lam) / len(data[i])
            g -= (model[i] - mu).T @ (model[i + 1] - lam) / len(model[i])
            moved[i], moved[i + 1] = moved[i] - g @ lam, moved[i + 1] - g.T @ mu
            self.weights[i], self.velocity_w[i] = reference.update(
                w, g, self.velocity_w[i], rate, self.options.get("momentum", 0.0),
                self.options.get("l1", 0.0), self.options.get("l2", 0.0),
            )  # fmt: skip
        for i, g in enumerate(moved):
            self.biases[i], self.velocity_b[i] = reference.update(
                self.biases[i], g, self.velocity_b[i], rate, self.options.get("momentum", 0.0)
            )
