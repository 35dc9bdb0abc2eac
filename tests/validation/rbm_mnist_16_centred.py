"""Train a centred RBM with 16 hidden units on MNIST to a published exact log-likelihood, or fail.

The tutorial "Small binary RBM on MNIST" of PyDeep (J. Melchior), which follows Melchior, Fischer
and Wiskott (2016), "How to center deep Boltzmann machines", JMLR 17(99), reports an exact average
test log-likelihood of -142.56 nats for a centred RBM with 16 hidden units. The data are those of
the tutorial: the 60,000 training and 10,000 test images, a pixel being 1 where its grey value is
at least 0.5. With 16 hidden units log Z is a sum of 65,536 terms, so nothing is estimated.

The script exits with 1 when the average test log-likelihood is below the published one. With
--model it keeps its state after every epoch, and goes on from there when it is started again.

    GIBBSLAB_DATA_DIR=... python tests/validation/rbm_mnist_16_centred.py
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import gibbslab
import numpy as np
from gibbslab.callbacks import Callback, Checkpoint
from gibbslab.datasets import load_mnist
from gibbslab.estimators import Linear

PUBLISHED = -142.56


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--rate", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--n-threads", type=int, default=None)
    parser.add_argument("--model", type=Path, help="where to keep the model from epoch to epoch")
    return parser.parse_args()


def black_and_white(split: str) -> np.ndarray:
    grey, _ = load_mnist(split)
    return (grey >= 0.5).astype(np.float32)


def make(args: argparse.Namespace) -> gibbslab.BernoulliRBM:
    """A new estimator, or the one in the file, with the epochs that are left."""
    callbacks: list[Callback] = [Checkpoint(args.model)] if args.model else []
    if args.model and args.model.exists():
        rbm = gibbslab.load(args.model)
        left = args.epochs - rbm.n_epochs_
        return rbm.set_params(warm_start=True, n_iter=left, callbacks=callbacks)
    return gibbslab.BernoulliRBM(
        16,
        learning_rate=Linear(args.rate, args.rate / 100, args.epochs),
        batch_size=100,
        n_iter=args.epochs,
        method="pcd",
        k=1,
        init_visible_bias="data",
        centered=True,
        callbacks=callbacks,
        random_state=args.seed,
        n_threads=args.n_threads,
    )


def main() -> int:
    args = parse()
    gibbslab.show_config()
    train, test = black_and_white("train"), black_and_white("test")
    rbm = make(args)
    if rbm.n_iter > 0:
        start = time.perf_counter()
        rbm.fit(train)
        print(f"{rbm.n_iter} epochs of PCD-1: {time.perf_counter() - start:.0f} s")
    log_z = rbm.log_partition()
    print(f"exact log Z {log_z:.2f}")
    for name, X in (("train", train), ("test", test)):
        reached = float(rbm.log_likelihood(X, log_z=log_z).mean())
        print(f"{name} log-likelihood {reached:.2f} nats")
    print(f"published: {PUBLISHED}; reached: {reached:.2f}")
    return 0 if reached >= PUBLISHED else 1


if __name__ == "__main__":
    sys.exit(main())
