"""Train a 784-500-1000 DBM on MNIST to a published bound on the log-likelihood, or fail.

Salakhutdinov and Hinton (2009), "Deep Boltzmann machines", table 1, report a variational bound of
-84.62 nats for the test set, log Z by AIS with 20,000 temperatures. This script pre-trains greedily
with doubled inputs, trains with mean field and persistent chains, estimates log Z by AIS forwards
and in reverse, and exits with 1 when the bound with the forward estimate is below that.

Training images are binarised anew for every batch, each pixel 1 with its grey value as
probability; the test images are the fixed binarised MNIST test set. The run saves itself after
every epoch to --checkpoint and goes on from there when started again.

    GIBBSLAB_DATA_DIR=... python tests/validation/dbm_mnist_500_1000.py --checkpoint dbm.safetensors
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import gibbslab
import numpy as np
from gibbslab.callbacks import Checkpoint
from gibbslab.datasets import load_binarized_mnist, load_mnist
from gibbslab.estimators import Linear
from gibbslab.models import DBM

PUBLISHED = -84.62


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--pretrain", type=int, default=10)
    parser.add_argument("--k", type=int, default=5)
    parser.add_argument("--rate", type=float, default=0.02)
    parser.add_argument("--pretrain-rate", type=float, default=0.05)
    parser.add_argument("--decay", type=float, default=0.0)
    parser.add_argument("--plain", action="store_true", help="the gradient as it is, not centred")
    parser.add_argument("--mean-field", type=int, default=10, help="iterations at most")
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--chains", type=int, default=100)
    parser.add_argument("--temperatures", type=int, default=20_000)
    parser.add_argument("--quick-every", type=int, default=10, help="epochs between two rough AIS")
    parser.add_argument("--n-threads", type=int, default=None)
    parser.add_argument("--checkpoint", type=Path, required=True)
    return parser.parse_args()


def begin(args: argparse.Namespace) -> gibbslab.DBM:
    """The estimator of the checkpoint, or a new one."""
    if args.checkpoint.exists():
        return gibbslab.load(args.checkpoint).set_params(callbacks=[Checkpoint(args.checkpoint)])
    return gibbslab.DBM(
        (500, 1000),
        learning_rate=Linear(args.rate, args.rate / 100, args.epochs),
        batch_size=100,
        n_iter=1,
        k=args.k,
        mean_field_iterations=args.mean_field,
        mean_field_tolerance=1e-3,
        l2=args.decay,
        centered=not args.plain,
        pretrain_iter=args.pretrain,
        pretrain_learning_rate=Linear(
            args.pretrain_rate, args.pretrain_rate / 5, max(1, args.pretrain)
        ),
        sample_input=True,
        random_state=0,
        warm_start=True,
        callbacks=[Checkpoint(args.checkpoint)],
        n_threads=args.n_threads,
    )


def bound(model: DBM, X: np.ndarray, log_z: float) -> float:
    """Mean variational bound with a mean field that has converged."""
    options = {"max_iterations": 200, "tolerance": 1e-5}
    return float(model.log_likelihood_bound(X, log_z=log_z, **options).mean())


def train(args: argparse.Namespace, X: np.ndarray, test: np.ndarray) -> gibbslab.DBM:
    dbm, greedy = begin(args), 2 * args.pretrain
    while (done := max(0, getattr(dbm, "n_epochs_", 0) - greedy)) < args.epochs:
        start = time.perf_counter()
        dbm.fit(X)
        took = time.perf_counter() - start
        last = {name: column[-1] for name, column in dbm.history_.items()}
        line = f"epoch {done + 1}: {took:.0f} s, error {last['reconstruction_error']:.5f}, "
        line += f"unnormalised bound {last['unnormalised_bound']:.2f}"
        if (done + 1) % args.quick_every == 0:
            log_z = dbm.model_.ais(X[:2000], n_temperatures=2000, random_state=1).log_z
            line += f", rough test bound {bound(dbm.model_, test[::10], log_z):.2f}"
        print(line, flush=True)
    return dbm


def main() -> int:
    args = parse()
    gibbslab.show_config()
    X = load_mnist("train")[0][: args.images]
    test = load_binarized_mnist("test")
    model = train(args, X, test).model_
    start = time.perf_counter()
    bounds = model.ais_bounds(
        X[:10_000],
        n_chains=args.chains,
        n_temperatures=args.temperatures,
        random_state=1,
    )
    print(f"AIS, {args.chains} chains x {args.temperatures}: {time.perf_counter() - start:.0f} s")
    for name, result in (("forward", bounds.forward), ("reverse", bounds.reverse)):
        low, high = result.log_z_interval
        print(f"{name}: log Z {result.log_z:.2f} [{low:.2f}, {high:.2f}], ", end="")
        print(f"test bound {bound(model, test, result.log_z):.2f} nats")
    reached = bound(model, test, bounds.forward.log_z)
    print(f"published: {PUBLISHED}; reached: {reached:.2f}; agree: {bounds.agree}")
    return 0 if reached >= PUBLISHED and bounds.agree else 1


if __name__ == "__main__":
    sys.exit(main())
