"""Compare a convolutional autoencoder's training step with torch's:
``python tests/bench/autoencoder.py``.

The preset "conv" of 28 x 28 images, 1-16-8-8-16-1 channels, with mean squared error and Adam. As in
cpu.py each round times every contestant once; the floor is the multiply-adds of all layers, the
borders' zeros included, at the sgemm rate of the moment.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import peers
from cpu import Run
from gibbslab import nn
from gibbslab.estimators._architecture import PRESETS
from steps import batches, print_table, run_tables

SIDE, RATE = 28, 1e-3
# Pixels of the smaller image of each layer, channels below and above.
LAYERS = [(14 * 14, 1, 16), (7 * 7, 16, 8), (7 * 7, 8, 8), (14 * 14, 8, 16), (28 * 28, 16, 1)]


def ours(X: np.ndarray, batch: int) -> Run:
    model = PRESETS["conv"].build(SIDE * SIDE, 0, "cpu")
    optimizer = nn.Adam(model.parameters(), lr=RATE)

    def run(first: int, last: int) -> None:
        for x in batches(X, batch, first, last):
            optimizer.zero_grad()
            nn.mse_loss(model(x), x).backward()
            optimizer.step()

    return run


def torch_net() -> Any:
    """The same; transposed convolutions padded to the same sizes."""
    from torch import nn as tnn

    up = {"stride": 2, "padding": 1, "output_padding": 1}
    return tnn.Sequential(
        tnn.Unflatten(1, (1, SIDE, SIDE)),
        tnn.Conv2d(1, 16, 3, 2, 1), tnn.ReLU(), tnn.Conv2d(16, 8, 3, 2, 1), tnn.ReLU(),
        tnn.ConvTranspose2d(8, 8, 3, **up), tnn.ReLU(),
        tnn.ConvTranspose2d(8, 16, 3, **up), tnn.ReLU(),
        tnn.Conv2d(16, 1, 3, 1, 1), tnn.Sigmoid(), tnn.Flatten(),
    )  # fmt: skip


def by_torch(X: np.ndarray, batch: int, *, compiled: bool = False) -> Run:
    import torch

    torch.manual_seed(0)
    net, data = torch_net(), torch.from_numpy(X)
    optimizer = torch.optim.Adam(net.parameters(), lr=RATE, fused=True)
    through = torch.compile(net) if compiled else net
    loss = torch.nn.functional.mse_loss

    def run(first: int, last: int) -> None:
        for x in batches(data, batch, first, last):
            optimizer.zero_grad()
            loss(through(x), x).backward()
            optimizer.step()

    return run


def multiply_adds(batch: int) -> int:
    """Of a step: three products for each layer, two for the first."""
    each = [9 * pixels * below * above for pixels, below, above in LAYERS]
    return batch * (3 * sum(each) - each[0])


def table(options: argparse.Namespace, batch: int) -> None:
    X = np.random.default_rng(0).random((10 * batch, SIDE * SIDE)).astype(np.float32)
    runs = {"gibbslab": ours(X, batch)}
    if peers.HAS_TORCH:
        runs["torch eager"] = by_torch(X, batch)
    if peers.HAS_TORCH and options.compiled:
        runs["torch.compile"] = by_torch(X, batch, compiled=True)
    title = f"Convolutional autoencoder 28x28, batch {batch}, Adam"
    print_table(title, runs, options.rounds, options.steps, multiply_adds(batch), warm=2)


if __name__ == "__main__":
    run_tables(__doc__, table, steps=20, batches=[128])
