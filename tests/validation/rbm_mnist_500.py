"""Train an RBM with 500 hidden units on MNIST to a published log-likelihood, or fail.

Salakhutdinov and Murray (2008), "On the quantitative analysis of deep belief networks", table 1,
report an average test log-probability of -86.34 nats for a 500-unit RBM (CD25), estimated by AIS.
This script trains with persistent chains, estimates log Z by AIS forwards and in reverse, and
exits with 1 when the forward estimate's average test log-likelihood is below that.

Training images are binarised anew for every batch, each pixel 1 with its grey value as
probability; the test images are the fixed binarised MNIST test set, the kind of binarisation that
published likelihoods refer to.

    GIBBSLAB_DATA_DIR=... python tests/validation/rbm_mnist_500.py
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import gibbslab
import numpy as np
from gibbslab.datasets import load_binarized_mnist, load_mnist
from gibbslab.estimators import Linear
from gibbslab.metrics import ais_bounds

PUBLISHED = -86.34


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--k", type=int, default=5)
    parser.add_argument("--rate", type=float, default=0.05)
    parser.add_argument("--chains", type=int, default=100)
    parser.add_argument("--temperatures", type=int, default=14_500)
    parser.add_argument("--n-threads", type=int, default=None)
    parser.add_argument("--model", type=Path, help="where to keep the trained model")
    return parser.parse_args()


def train(args: argparse.Namespace, X: np.ndarray) -> gibbslab.BernoulliRBM:
    rbm = gibbslab.BernoulliRBM(
        500,
        learning_rate=Linear(args.rate, args.rate / 1000, args.epochs),
        batch_size=100,
        n_iter=args.epochs,
        k=args.k,
        sample_input=True,
        init_visible_bias="data",
        centered=True,
        random_state=0,
        n_threads=args.n_threads,
    )
    return rbm.fit(X)


def main() -> int:
    args = parse()
    gibbslab.show_config()
    X, _ = load_mnist("train")
    test = load_binarized_mnist("test")
    start = time.perf_counter()
    rbm = train(args, X)
    print(f"{args.epochs} epochs of PCD-{args.k}: {time.perf_counter() - start:.0f} s")
    if args.model:
        rbm.save(args.model)
    start = time.perf_counter()
    bounds = ais_bounds(
        rbm,
        X=X,
        n_chains=args.chains,
        n_temperatures=args.temperatures,
        random_state=1,
    )
    print(f"AIS, {args.chains} chains x {args.temperatures}: {time.perf_counter() - start:.0f} s")
    for name, result in (("forward", bounds.forward), ("reverse", bounds.reverse)):
        estimate = result.log_likelihood(test)
        low, high = result.log_z_interval
        print(f"{name}: log Z {result.log_z:.2f} [{low:.2f}, {high:.2f}], ", end="")
        print(f"test log-likelihood {estimate.mean:.2f} nats")
    reached = bounds.forward.log_likelihood(test).mean
    print(f"published: {PUBLISHED}; reached: {reached:.2f}; agree: {bounds.agree}")
    return 0 if reached >= PUBLISHED and bounds.agree else 1


if __name__ == "__main__":
    sys.exit(main())
