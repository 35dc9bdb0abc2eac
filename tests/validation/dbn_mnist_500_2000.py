"""Train a 784-500-2000 DBN on MNIST to a published lower bound on the log-likelihood, or fail.

Salakhutdinov and Murray (2008), "On the quantitative analysis of deep belief networks", table 1,
report a variational bound of -86.22 nats for the test set, log Z of the top RBM by AIS. This script
trains both layers greedily with persistent chains, estimates log Z by AIS forwards and in reverse,
and exits with 1 when the bound with the forward estimate is below that.

Training images are binarised anew for every batch, each pixel 1 with its grey value as
probability; the test images are the fixed binarised MNIST test set. The run saves itself after
every epoch to --checkpoint and goes on from there when started again with the same options.

    GIBBSLAB_DATA_DIR=... python tests/validation/dbn_mnist_500_2000.py --checkpoint dbn.safetensors
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import gibbslab
import numpy as np
from gibbslab.callbacks import Callback, Checkpoint
from gibbslab.datasets import load_binarized_mnist, load_mnist
from gibbslab.estimators import Linear
from gibbslab.metrics import ais_bounds

PUBLISHED = -86.22


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=100, help="for each of the two layers")
    parser.add_argument("--top-epochs", type=int, help="for the upper one, where fewer")
    parser.add_argument("--sizes", type=int, nargs=2, default=(500, 2000))
    parser.add_argument("--k", type=int, default=5)
    parser.add_argument("--rate", type=float, default=0.05)
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--chains", type=int, default=100)
    parser.add_argument("--temperatures", type=int, default=14_500)
    parser.add_argument("--draws", type=int, default=20, help="of the recognition model, per image")
    parser.add_argument("--n-threads", type=int, default=None)
    parser.add_argument("--checkpoint", type=Path, required=True)
    return parser.parse_args()


class Lines(Callback):
    """A line per epoch, with the time; stops after epoch `last`, counted from 1."""

    def __init__(self, last: int) -> None:
        self.last = last

    def on_epoch_end(self, estimator: gibbslab.DBN, epoch: int, logs: dict[str, float]) -> bool:
        told = ", ".join(f"{name} {value:.4g}" for name, value in logs.items())
        print(told, flush=True)
        return epoch + 1 >= self.last


def trained(args: argparse.Namespace, X: np.ndarray) -> gibbslab.DBN:
    """The network after its last epoch, gone on with from the checkpoint where there is one."""
    if args.checkpoint.exists():
        dbn = gibbslab.load(args.checkpoint)
    else:
        dbn = gibbslab.DBN(
            tuple(args.sizes),
            batch_size=100,
            n_iter=args.epochs,
            method="pcd",
            k=args.k,
            centered=True,
            sample_input=True,
            init_visible_bias="data",
            random_state=0,
        )
    dbn.set_params(warm_start=True, n_threads=args.n_threads)
    first, top = args.epochs, min(args.epochs, args.top_epochs or args.epochs)
    for epochs, last in ((first, first), (top, first + top)):
        if getattr(dbn, "n_epochs_", 0) < last:
            dbn.set_params(
                learning_rate=Linear(args.rate, args.rate / 1000, epochs),
                callbacks=[Checkpoint(args.checkpoint), Lines(last)],
            )
            dbn.fit(X)
    return dbn


def main() -> int:
    args = parse()
    gibbslab.show_config()
    X = load_mnist("train")[0][: args.images]
    test = load_binarized_mnist("test")
    start = time.perf_counter()
    model = trained(args, X).model_
    print(f"training in this run: {time.perf_counter() - start:.0f} s")
    start = time.perf_counter()
    states = model.recognise((np.random.default_rng(2).random(X.shape) < X).astype(np.float32))[0]
    bounds = ais_bounds(
        model.top_rbm(),
        X=states,
        n_chains=args.chains,
        n_temperatures=args.temperatures,
        random_state=1,
    )
    print(f"AIS, {args.chains} chains x {args.temperatures}: {time.perf_counter() - start:.0f} s")
    per_image = model.log_weights(test, args.draws).mean(axis=0)
    error = per_image.std(ddof=1) / np.sqrt(len(per_image))
    for name, result in (("forward", bounds.forward), ("reverse", bounds.reverse)):
        low, high = result.log_z_interval
        print(f"{name}: log Z {result.log_z:.2f} [{low:.2f}, {high:.2f}], ", end="")
        print(f"bound {per_image.mean() - result.log_z:.2f} nats")
    reached = per_image.mean() - bounds.forward.log_z
    print(f"standard error of the mean over test images: {error:.2f} nats")
    print(f"published: {PUBLISHED}; reached: {reached:.2f}; agree: {bounds.agree}")
    return 0 if reached >= PUBLISHED and bounds.agree else 1


if __name__ == "__main__":
    sys.exit(main())
