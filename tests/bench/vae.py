"""Compare a VAE's training step with torch's: ``python tests/bench/vae.py``.

784-200-200-20 with softplus units, Bernoulli logits and Adam. As in cpu.py each round times every
contestant once; the floor is the step's multiply-adds at the sgemm rate of the moment.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
import peers
from cpu import Run
from gibbslab import nn
from gibbslab.models import VAE
from steps import batches, print_table, run_tables

VISIBLE, HIDDEN, LATENT, RATE = 784, 200, 20, 1e-3


def planned(X: np.ndarray, batch: int) -> Run:
    """One call a step."""
    model = VAE(LATENT, random_state=0, device="cpu")
    optimizer = nn.Adam(model.parameters(), lr=RATE)

    def run(first: int, last: int) -> None:
        for x in batches(X, batch, first, last):
            model.training_step(x, optimizer)

    return run


def by_variables(X: np.ndarray, batch: int) -> Run:
    """The same by variables, as a module of the user's own would be trained."""
    model = VAE(LATENT, random_state=0, device="cpu")
    optimizer = nn.Adam(model.parameters(), lr=RATE)

    def run(first: int, last: int) -> None:
        for x in batches(X, batch, first, last):
            optimizer.zero_grad()
            mu, logvar = model.encode(x)
            logits = model.logits(model.reparametrize(mu, logvar))
            loss = nn.bce_with_logits_loss(logits, x, reduction="sum")
            (loss + nn.kl_normal(mu, logvar)).backward()
            optimizer.step()

    return run


def torch_loss() -> tuple[Any, Callable[[Any], Any]]:
    """The modules' parameters, and minus the ELBO of a batch, summed."""
    import torch

    torch.manual_seed(0)
    sizes = [(VISIBLE, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, LATENT), (HIDDEN, LATENT),
             (LATENT, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, VISIBLE)]  # fmt: skip
    layers = torch.nn.ModuleList(torch.nn.Linear(*size) for size in sizes)
    e1, e2, mean, log_variance, d1, d2, out = layers
    f = torch.nn.functional

    def loss(x: torch.Tensor) -> torch.Tensor:
        h = f.softplus(e2(f.softplus(e1(x))))
        mu, logvar = mean(h), log_variance(h)
        z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
        logits = out(f.softplus(d2(f.softplus(d1(z)))))
        kl = -0.5 * torch.sum(1 + logvar - mu.square() - logvar.exp())
        return f.binary_cross_entropy_with_logits(logits, x, reduction="sum") + kl

    return layers.parameters(), loss


def by_torch(X: np.ndarray, batch: int, *, compiled: bool) -> Run:
    """Eager, or forward and backward compiled; Adam in its fused form, the faster one."""
    import torch

    parameters, loss = torch_loss()
    loss = torch.compile(loss) if compiled else loss
    optimizer = torch.optim.Adam(parameters, lr=RATE, fused=True)
    data = torch.from_numpy(X)

    def run(first: int, last: int) -> None:
        for x in batches(data, batch, first, last):
            optimizer.zero_grad()
            value = loss(x)
            value.backward()
            optimizer.step()
            value.item()

    return run


def multiply_adds(batch: int) -> int:
    """Of a step: three products for each layer, two for the first."""
    weights = [VISIBLE * HIDDEN, HIDDEN * HIDDEN, 2 * HIDDEN * LATENT, LATENT * HIDDEN,
               HIDDEN * HIDDEN, HIDDEN * VISIBLE]  # fmt: skip
    return batch * (3 * sum(weights) - weights[0])


def table(options: argparse.Namespace, batch: int) -> None:
    X = (np.random.default_rng(0).random((20 * batch, VISIBLE)) < 0.19).astype(np.float32)
    runs = {"gibbslab": planned(X, batch), "gibbslab variables": by_variables(X, batch)}
    if peers.HAS_TORCH:
        runs["torch eager"] = by_torch(X, batch, compiled=False)
    if peers.HAS_TORCH and options.compiled:
        runs["torch.compile"] = by_torch(X, batch, compiled=True)
    title = f"VAE {VISIBLE}-{HIDDEN}-{HIDDEN}-{LATENT}, batch {batch}, Adam"
    steps = max(1, options.steps * 100 // batch)
    print_table(title, runs, options.rounds, steps, multiply_adds(batch))


if __name__ == "__main__":
    run_tables(__doc__, table, steps=100, batches=[100, 1024], compiled=True)
