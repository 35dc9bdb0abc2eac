"""Annealed importance sampling against a NumPy twin that draws the same words.

Deterministic: it sees a bias at the wrong temperature or a softplus difference that is off, which
in the mean of the weights would drown in their spread.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import reference
from cd_twin import SAFE_MARGIN
from on_device import core
from reference import HIDDEN, VISIBLE, softplus

CHAINS, SEED = 37, 5
BETAS = {
    "two": [0.0, 1.0],
    "three": [0.0, 0.25, 1.0],
    "nine": [0.0, 0.1, 0.2, 0.35, 0.5, 0.6, 0.75, 0.9, 1.0],
    "a step of none": [0.0, 0.5, 0.5, 1.0],
}


class Twin:
    """The chains and log-weights of a run, in float64."""

    def __init__(self, w: np.ndarray, a: np.ndarray, b: np.ndarray, base: np.ndarray) -> None:
        self.w, self.a, self.b, self.base = (x.astype(np.float64) for x in (w, a, b, base))
        self.draws = 0

    def draw(self, p: np.ndarray, layer: int) -> np.ndarray:
        stream = reference.stream_of(self.draws, layer)
        self.draws += 1
        u = reference.uniforms(*p.shape, SEED, stream)
        assert np.abs(u - p).min() > SAFE_MARGIN, "choose another seed"
        return (u < p).astype(np.float64)

    def log_weights(self, betas: list[float], start: np.ndarray | None) -> np.ndarray:
        v = start
        if v is None:
            means = reference.sigmoid(self.base)
            v = self.draw(np.tile(means, (CHAINS, 1)), VISIBLE)
        path = betas if start is None else betas[::-1]
        total = np.zeros(len(v))
        for low, high in pairwise(path):
            x = v @ self.w + self.b
            total += (softplus(high * x) - softplus(low * x)).sum(axis=1)
            total += (high - low) * v @ (self.a - self.base)
            if high != path[-1]:
                h = self.draw(reference.sigmoid(high * x), HIDDEN)
                bias = high * self.a + (1 - high) * self.base
                v = self.draw(reference.sigmoid(high * h @ self.w.T + bias), VISIBLE)
        return total


@pytest.mark.parametrize("betas", BETAS.values(), ids=BETAS)
@pytest.mark.parametrize("size", [(9, 5), (33, 70)], ids=str)
@pytest.mark.parametrize("reverse", [False, True])
def test_log_weights_equal_the_twin(
    betas: list[float], size: tuple[int, int], reverse: bool
) -> None:
    visible, hidden = size
    rng = np.random.default_rng(visible)
    rbm = core.RBM(visible, hidden, seed=1)
    rbm.W = rng.normal(0, 0.5, size).astype(np.float32)
    rbm.v_bias = rng.normal(0, 1, visible).astype(np.float32)
    rbm.h_bias = rng.normal(0, 1, hidden).astype(np.float32)
    base = rng.normal(0, 1, visible).astype(np.float32)
    start = rng.integers(0, 2, (CHAINS, visible)).astype(np.float32) if reverse else None
    expected = Twin(rbm.W, rbm.v_bias, rbm.h_bias, base).log_weights(betas, start)
    for n_threads, pieces in [(1, [len(betas)]), (2, [1] * len(betas))]:
        rbm.n_threads = n_threads
        run = core.AIS(rbm, base, betas, CHAINS, start=start, seed=SEED)
        left = [run.advance(count) for count in pieces]
        assert left[-1] == 0
        np.testing.assert_allclose(run.log_weights, expected, rtol=1e-6, atol=1e-5)
    exact_base = hidden * np.log(2) + softplus(base.astype(np.float64)).sum()
    assert run.log_partition_base == pytest.approx(exact_base, rel=1e-12)
