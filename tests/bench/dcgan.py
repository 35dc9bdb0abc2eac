"""Compare a DCGAN's forward and backward pass with torch's: ``python tests/bench/dcgan.py``.

The two nets of Hjorth-Jensen's course notes for 28 x 28 images, 128 channels in the generator's
first layer: images are made of noise and judged, and the gradients by all parameters of both nets
are computed. As in cpu.py each round times every contestant once; the floor is the multiply-adds
of all layers, the borders' zeros included, at the sgemm rate of the moment.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import peers
from cpu import Run
from gibbslab import nn
from steps import print_table, run_tables

NOISE, WIDTH = 100, 128


def our_nets() -> tuple[nn.Sequential, nn.Sequential]:
    """Generator and discriminator."""
    up = {"stride": 2, "padding": "same", "bias": False, "device": "cpu"}
    down = {"stride": 2, "padding": "same", "device": "cpu"}
    generator = nn.Sequential(
        nn.Linear(NOISE, 49 * WIDTH, bias=False, device="cpu"),
        nn.BatchNorm1d(49 * WIDTH, device="cpu"), nn.LeakyReLU(0.3), nn.Reshape(7, 7, WIDTH),
        nn.ConvTranspose2d(WIDTH, 128, 5, **(up | {"stride": 1})),
        nn.BatchNorm2d(128, device="cpu"), nn.LeakyReLU(0.3),
        nn.ConvTranspose2d(128, 64, 5, **up), nn.BatchNorm2d(64, device="cpu"), nn.LeakyReLU(0.3),
        nn.ConvTranspose2d(64, 1, 5, **up), nn.Tanh(),
    )  # fmt: skip
    discriminator = nn.Sequential(
        nn.Conv2d(1, 64, 5, **down), nn.LeakyReLU(0.3), nn.Dropout(0.3),
        nn.Conv2d(64, 128, 5, **down), nn.LeakyReLU(0.3), nn.Dropout(0.3),
        nn.Flatten(), nn.Linear(49 * 128, 1, device="cpu"),
    )  # fmt: skip
    return generator, discriminator


def ours(batch: int) -> Run:
    generator, discriminator = our_nets()
    noise = np.random.default_rng(0).normal(size=(batch, NOISE)).astype(np.float32)
    target = np.ones((batch, 1), np.float32)

    def run(first: int, last: int) -> None:
        for _ in range(first, last):
            generator.zero_grad()
            discriminator.zero_grad()
            nn.bce_with_logits_loss(discriminator(generator(noise)), target).backward()

    return run


def torch_nets() -> tuple[Any, Any]:
    """The same, of the padding that gives the same sizes."""
    from torch import nn as tnn

    torch_up = {"stride": 2, "padding": 2, "output_padding": 1, "bias": False}
    generator = tnn.Sequential(
        tnn.Linear(NOISE, 49 * WIDTH, bias=False), tnn.BatchNorm1d(49 * WIDTH),
        tnn.LeakyReLU(0.3), tnn.Unflatten(1, (WIDTH, 7, 7)),
        tnn.ConvTranspose2d(WIDTH, 128, 5, padding=2, bias=False), tnn.BatchNorm2d(128),
        tnn.LeakyReLU(0.3),
        tnn.ConvTranspose2d(128, 64, 5, **torch_up), tnn.BatchNorm2d(64), tnn.LeakyReLU(0.3),
        tnn.ConvTranspose2d(64, 1, 5, **torch_up), tnn.Tanh(),
    )  # fmt: skip
    discriminator = tnn.Sequential(
        tnn.Conv2d(1, 64, 5, 2, 2), tnn.LeakyReLU(0.3), tnn.Dropout(0.3),
        tnn.Conv2d(64, 128, 5, 2, 2), tnn.LeakyReLU(0.3), tnn.Dropout(0.3),
        tnn.Flatten(), tnn.Linear(49 * 128, 1),
    )  # fmt: skip
    return generator, discriminator


def by_torch(batch: int, *, compiled: bool = False, channels_last: bool = False) -> Run:
    import torch

    torch.manual_seed(0)
    nets = torch.nn.Sequential(*torch_nets())
    if channels_last:
        nets = nets.to(memory_format=torch.channels_last)
    judge = torch.compile(nets) if compiled else nets
    noise, target = torch.randn(batch, NOISE), torch.ones(batch, 1)
    loss = torch.nn.functional.binary_cross_entropy_with_logits

    def run(first: int, last: int) -> None:
        for _ in range(first, last):
            nets.zero_grad()
            loss(judge(noise), target).backward()

    return run


def multiply_adds(batch: int) -> int:
    """Three products for each layer, two for the first."""
    first = NOISE * 49 * WIDTH
    others = 49 * 25 * WIDTH * 128 + 2 * 49 * 25 * 128 * 64 + 2 * 196 * 25 * 64 + 49 * 128
    return batch * (2 * first + 3 * others)


def table(options: argparse.Namespace, batch: int) -> None:
    runs = {"gibbslab": ours(batch)}
    if peers.HAS_TORCH:
        runs["torch eager"] = by_torch(batch)
        runs["torch channels-last"] = by_torch(batch, channels_last=True)
    if peers.HAS_TORCH and options.compiled:
        runs["torch.compile"] = by_torch(batch, compiled=True)
    title = f"DCGAN 28x28, batch {batch}, forward and backward of both nets"
    print_table(title, runs, options.rounds, options.steps, multiply_adds(batch), warm=1)


if __name__ == "__main__":
    run_tables(__doc__, table, steps=2, batches=[128])
