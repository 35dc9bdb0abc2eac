"""The peers' side of the benchmark: the same algorithm, written as well as each peer allows."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from gibbslab.models import DBM
from sklearn.neural_network import BernoulliRBM as SklearnRBM

HAS_TORCH = importlib.util.find_spec("torch") is not None


def sklearn_step(X: np.ndarray, hidden: int, batch: int) -> Callable[[int, int], None]:
    """PCD-1 batches of scikit-learn's estimator, called as its own fit calls them."""
    rng = np.random.RandomState(0)
    rbm = SklearnRBM(hidden, batch_size=batch, learning_rate=0.05, random_state=rng)
    rbm.partial_fit(X[:batch])

    def run(first: int, last: int) -> None:
        for b in range(first, last):
            rbm._fit(X[b * batch : (b + 1) * batch], rng)

    return run


def torch_cd(
    visible: int, hidden: int, batch: int, *, device: str = "cpu", persistent: bool = False
) -> Callable[[Any], None]:
    """One batch of CD-1 or PCD-1 with hidden probabilities in the statistics, in place."""
    import torch

    torch.manual_seed(0)
    W = torch.randn(visible, hidden, device=device) * 0.01
    a, b = torch.zeros(visible, device=device), torch.zeros(hidden, device=device)
    chains = torch.zeros(batch, hidden, device=device)
    scale = 0.05 / batch

    def step(v0: torch.Tensor) -> None:
        h0 = torch.sigmoid(torch.addmm(b, v0, W))
        start = chains if persistent else torch.bernoulli(h0)
        v1 = torch.bernoulli(torch.sigmoid(torch.addmm(a, start, W.T)))
        h1 = torch.sigmoid(torch.addmm(b, v1, W))
        if persistent:
            chains.copy_(torch.bernoulli(h1))
        W.add_(v0.T @ h0 - v1.T @ h1, alpha=scale)
        a.add_((v0 - v1).sum(0), alpha=scale)
        b.add_((h0 - h1).sum(0), alpha=scale)

    return step


def torch_step(
    X: np.ndarray, hidden: int, batch: int, *, compiled: bool
) -> Callable[[int, int], None]:
    """Batches of CD-1 on the CPU, eager or compiled."""
    import torch

    data = torch.from_numpy(X)
    step = torch_cd(X.shape[1], hidden, batch)
    one = torch.compile(step) if compiled else step

    @torch.no_grad()
    def run(first: int, last: int) -> None:
        for i in range(first, last):
            one(data[i * batch : (i + 1) * batch])

    return run


def torch_dbm(
    X: np.ndarray, model: DBM, batch: int, most: int, tolerance: float, k: int, rate: float
) -> Callable[[int, int], None]:
    """Steps of a DBM of two hidden layers, eager: mean field, PCD-k, update in place."""
    import torch

    torch.manual_seed(0)
    W, U = (torch.from_numpy(w.copy()) for w in model.weights)
    a, b, c = (torch.from_numpy(x.copy()) for x in model.biases)
    chains = torch.zeros(batch, len(b))
    data = torch.from_numpy(X)
    scale = rate / batch

    def step(v: torch.Tensor) -> None:
        nonlocal chains
        from_data = torch.addmm(b, v, W)
        h = torch.sigmoid(2 * from_data - b)
        g = torch.sigmoid(torch.addmm(c, h, U))
        for _ in range(most):
            before = h, g
            h = torch.sigmoid(torch.addmm(from_data, g, U.T))
            g = torch.sigmoid(torch.addmm(c, h, U))
            if max((h - before[0]).abs().max(), (g - before[1]).abs().max()) < tolerance:
                break
        for _ in range(k):
            x = torch.bernoulli(torch.sigmoid(torch.addmm(a, chains, W.T)))
            z = torch.bernoulli(torch.sigmoid(torch.addmm(c, chains, U)))
            y = torch.sigmoid(torch.addmm(torch.addmm(b, x, W), z, U.T))
            chains = torch.bernoulli(y)
        W.add_(v.T @ h - x.T @ y, alpha=scale)
        U.add_(h.T @ g - y.T @ z, alpha=scale)
        a.add_((v - x).sum(0), alpha=scale)
        b.add_((h - y).sum(0), alpha=scale)
        c.add_((g - z).sum(0), alpha=scale)

    @torch.no_grad()
    def run(first: int, last: int) -> None:
        for i in range(first, last):
            step(data[i * batch : (i + 1) * batch])

    return run


def numpy_ais(
    W: np.ndarray, a: np.ndarray, b: np.ndarray, base: np.ndarray, betas: np.ndarray, chains: int
) -> np.ndarray:
    """The same forward AIS in float32 NumPy; returns the log-weights."""
    rng = np.random.default_rng(0)
    sigmoid = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731
    v = (rng.random((chains, len(a)), dtype=np.float32) < sigmoid(base)).astype(np.float32)
    log_w = np.zeros(chains)
    for low, high in pairwise(betas):
        x = v @ W + b
        log_w += (np.logaddexp(0, high * x) - np.logaddexp(0, low * x)).sum(1, dtype=np.float64)
        log_w += (high - low) * (v @ (a - base))
        h = (rng.random(x.shape, dtype=np.float32) < sigmoid(high * x)).astype(np.float32)
        p = sigmoid(high * (h @ W.T + a) + (1 - high) * base)
        v = (rng.random(p.shape, dtype=np.float32) < p).astype(np.float32)
    return log_w
