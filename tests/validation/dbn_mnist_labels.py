"""Train a 784-500-500-2000 DBN with labels on MNIST to a published test error, or fail.

Hinton, Osindero and Teh (2006), "A fast learning algorithm for deep belief nets", section 6, report
a test error of 1.25 %: layers trained greedily for 30 epochs each, the top one with ten label units
beside the 500 features below it; then 300 epochs of the up-down algorithm, with 3, 6 and 10 sweeps
of the top RBM in turn. This script does the same in mini-batches of 100, prints the test error
after every epoch in which labels take part, and exits with 1 when that of the last epoch is above.

Images are binarised anew for every batch, each pixel 1 with its grey value as probability, and
classified as they are. The run saves itself after every epoch to --checkpoint and goes on from
there when started again with the same options.

    GIBBSLAB_DATA_DIR=... python tests/validation/dbn_mnist_labels.py --checkpoint dbn.safetensors
"""

from __future__ import annotations

import argparse
import sys
import time
from itertools import accumulate
from pathlib import Path

import gibbslab
import numpy as np
from gibbslab.callbacks import Callback, Checkpoint
from gibbslab.datasets import load_mnist
from gibbslab.estimators import Linear, Steps

PUBLISHED = 1.25  # per cent


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=(500, 500, 2000))
    parser.add_argument("--epochs", type=int, default=30, help="for each of the layers")
    parser.add_argument("--rate", type=float, default=0.1)
    parser.add_argument("--sweeps", type=int, nargs="+", default=(3, 6, 10), help="of up-down")
    parser.add_argument("--tuning", type=int, default=100, help="epochs of up-down for each")
    parser.add_argument("--tuning-rate", type=float, default=0.05)
    parser.add_argument("--momentum", type=float, default=0.9, help="0.5 for 5 epochs of a stage")
    parser.add_argument("--l2", type=float, default=2e-4)
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--n-threads", type=int, default=None)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--checkpoint", type=Path, required=True)
    return parser.parse_args()


class Lines(Callback):
    """A line per epoch, with the test error where labels take part."""

    def on_epoch_end(
        self, estimator: gibbslab.DBNClassifier, epoch: int, logs: dict[str, float]
    ) -> None:
        told = f"epoch {epoch + 1}, stage {logs['stage']:.0f}: "
        if "accuracy" in logs:
            errors = [100 * (1 - logs[f"{name}accuracy"]) for name in ("validation_", "")]
            told += f"test error {errors[0]:.2f} %, watched training rows {errors[1]:.1f} %, "
        told += f"reconstruction error {logs['validation_reconstruction_error']:.4f}"
        print(f"{told}, {logs['time']:.1f} s", flush=True)


def begin(args: argparse.Namespace) -> gibbslab.DBNClassifier:
    """The network to go on with, or a new one."""
    if args.checkpoint.exists():
        return gibbslab.load(args.checkpoint)
    last = args.tuning * len(args.sweeps)
    return gibbslab.DBNClassifier(
        tuple(args.sizes),
        learning_rate=Linear(args.rate, args.rate / 10, args.epochs),
        fine_tune_learning_rate=Linear(args.tuning_rate, args.tuning_rate / 100, last),
        batch_size=100,
        n_iter=args.epochs,
        momentum=Steps((0.5, args.momentum), (5,)),
        l2=args.l2,
        sample_input=True,
        init_visible_bias="data",
        random_state=0,
        device=args.device,
    )


def trained(args: argparse.Namespace) -> gibbslab.DBNClassifier:
    """The network after its last epoch."""
    X, y = load_mnist("train")
    dbn = begin(args).set_params(
        warm_start=True, n_threads=args.n_threads, callbacks=[Checkpoint(args.checkpoint), Lines()]
    )
    for k, last in zip(args.sweeps, accumulate([args.tuning] * len(args.sweeps))):
        if getattr(dbn, "n_epochs_", 0) >= args.epochs * len(args.sizes) + last:
            continue
        dbn.set_params(fine_tune_k=k, fine_tune_iter=last)
        dbn.fit(X[: args.images], y[: args.images], validation_data=load_mnist("test"))
    return dbn


def main() -> int:
    args = parse()
    gibbslab.show_config()
    start = time.perf_counter()
    dbn = trained(args)
    print(f"training in this run: {time.perf_counter() - start:.0f} s; ", end="")
    print(f"all epochs: {np.sum(dbn.history_['time']):.0f} s")
    found = 100 * (1 - dbn.score(*load_mnist("test")))
    print(f"epoch {dbn.n_epochs_}: test error {found:.2f} %, published {PUBLISHED:.2f} %")
    return int(found > PUBLISHED)


if __name__ == "__main__":
    sys.exit(main())
