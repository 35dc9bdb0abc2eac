"""Train a VAE with 50 latents on MNIST to a published bound on the log-likelihood, or fail.

Burda, Grosse and Salakhutdinov (2016), "Importance weighted autoencoders", report 86.76 nats for a
VAE of one stochastic layer of 50 units, two hidden layers of 200 below it and two above: minus the
importance-weighted bound with K = 5000 on the test images. This script trains the same sizes, with
softplus units, and exits with 1 when the bound is below -86.77.

As in the paper training images are binarised anew for every epoch, each pixel 1 with its grey value
as probability. What makes fewer epochs than the paper's 3280 do: batches of 100 images with a rate
of 0.002 for half of the epochs, which then falls linearly, and a KL divergence whose factor grows
from 0 to 1 over the first --warm-up epochs (Bowman et al. 2016; Soenderby et al. 2016). Without it
most latent units are given up before they can be of use, and 12 of 50 stay active. The test images
are the fixed binarised MNIST test set, the kind of binarisation that published likelihoods refer
to.

The run saves itself after every --every epochs to --checkpoint, and goes on from there when it is
started again with the same options; --measure only measures what is there.

    GIBBSLAB_DATA_DIR=... python tests/validation/vae_mnist.py --checkpoint vae.safetensors
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import NamedTuple

import gibbslab
import numpy as np
from gibbslab import nn
from gibbslab.datasets import load_binarized_mnist, load_mnist
from gibbslab.io import write_atomically
from gibbslab.models import VAE
from safetensors.numpy import load, save
from threadpoolctl import threadpool_limits

PUBLISHED = -86.77
LATENT = 50


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=1500)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--warm-up", type=int, default=200)
    parser.add_argument("--every", type=int, default=20, help="epochs from line to line")
    parser.add_argument("--watched", type=int, default=1000, help="test images for the lines")
    parser.add_argument("--samples", type=int, default=5000, help="K of the last bound")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("--checkpoint", type=Path, required=True)
    return parser.parse_args()


class Run(NamedTuple):
    """What a checkpoint holds; `done` counts epochs and seconds."""

    model: VAE
    optimizer: nn.Adam
    done: np.ndarray


def begin(args: argparse.Namespace) -> Run:
    """The run to go on with, or a new one."""
    model = VAE(LATENT, random_state=0, device=args.device)
    run = Run(model, nn.Adam(model.parameters(), eps=1e-4), np.zeros(2))
    if not args.checkpoint.exists():
        return run
    kept = load(args.checkpoint.read_bytes())
    names = list(model.state_dict())
    model.load_state_dict({name: kept[name] for name in names})
    model.draws = int(kept["draws"][0])
    state = {what: [kept[f"{what}.{name}"] for name in names] for what in ("first", "second")}
    run.optimizer.load_state_dict({"steps": int(kept["steps"][0]), **state})
    run.done[:] = kept["done"]
    return run


def keep(run: Run, path: Path) -> None:
    state = run.optimizer.state_dict()
    kept = dict(run.model.state_dict())
    for what in ("first", "second"):
        kept |= {f"{what}.{name}": x for name, x in zip(run.model.state_dict(), state[what])}
    kept |= {"draws": np.array([run.model.draws]), "steps": np.array([state["steps"]])}
    kept["done"] = run.done
    write_atomically(path, save({name: np.ascontiguousarray(x) for name, x in kept.items()}))


def rate(args: argparse.Namespace, epoch: int) -> float:
    """Of the epoch, counted from 0."""
    return float(args.rate * min(1.0, 2 * (1 - epoch / args.epochs)))


def train_epoch(run: Run, args: argparse.Namespace, grey: np.ndarray) -> float:
    """One pass over the images; the mean ELBO on the way."""
    epoch = int(run.done[0])
    rng = np.random.default_rng(epoch)
    run.optimizer.lr = rate(args, epoch)
    images = (rng.random(grey.shape, dtype=np.float32) < grey).astype(np.float32)
    order = rng.permutation(len(images))
    beta = min(1.0, (epoch + 1) / max(1, args.warm_up))
    total = 0.0
    for first in range(0, len(images), args.batch):
        batch = images[order[first : first + args.batch]]
        total += sum(run.model.training_step(batch, run.optimizer, beta=beta))
    return -total / len(images)


def train(run: Run, args: argparse.Namespace, test: np.ndarray) -> None:
    grey = load_mnist("train").data
    while run.done[0] < args.epochs:
        start = time.perf_counter()
        elbo = train_epoch(run, args, grey)
        run.done[:] += (1, time.perf_counter() - start)
        if run.done[0] % args.every and run.done[0] < args.epochs:
            continue
        keep(run, args.checkpoint)
        # The set is ordered by class: every n-th image.
        some = test[:: -(-len(test) // args.watched)]
        bound = run.model.importance_weighted_bound(some, 100).mean()
        active = run.model.active_units(test)
        print(f"epoch {run.done[0]:.0f}, {run.done[1]:.0f} s: training ELBO {elbo:.2f}, {active} "
              f"active units, bound of {len(some)} test images with K = 100 {bound:.2f} nats",
              flush=True)  # fmt: skip


def main() -> int:
    args = parse()
    gibbslab.show_config()
    test = load_binarized_mnist("test")
    with threadpool_limits(args.threads):
        run = begin(args)
        if not args.measure:
            train(run, args, test)
        active = run.model.active_units(test)
        start = time.perf_counter()
        bounds = run.model.importance_weighted_bound(test, args.samples)
    error = bounds.std() / np.sqrt(len(bounds))
    print(f"{run.done[0]:.0f} epochs, {run.done[1]:.0f} s; {active} active units of {LATENT}")
    print(f"bound with K = {args.samples}: {time.perf_counter() - start:.0f} s")
    print(f"published: {PUBLISHED}; reached: {bounds.mean():.2f} +- {error:.2f} (over images)")
    return int(bounds.mean() < PUBLISHED)


if __name__ == "__main__":
    sys.exit(main())
