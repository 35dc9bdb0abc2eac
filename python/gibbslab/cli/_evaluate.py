"""``gibbslab evaluate``."""

from __future__ import annotations

import sys
import warnings
from argparse import Namespace
from typing import Any

import numpy as np

from .. import io, metrics
from ..metrics._model import step_model
from ..models import RBM
from ._data import Rows, load_data
from ._parsing import add_data_options, add_machine_options, input_file, whole

MAX_ENUMERABLE = 25


def add_command(commands: Any) -> None:
    """Add the command's parser."""
    text = "measure a saved model on data"
    parser = commands.add_parser(
        "evaluate",
        help=text,
        description=f"{text.capitalize()}: pseudo-likelihood, reconstruction error, and "
        "log-likelihood, exactly if a layer has at most 25 units, else by annealed importance "
        "sampling, forwards and in reverse, with intervals of three standard errors.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("model", type=input_file, metavar="MODEL", help="file of a saved model")
    add_data_options(parser, split="test")
    parser.add_argument(
        "--binarize",
        choices=("sample", "threshold"),
        default="sample",
        help="how grey values become 0 and 1 for the likelihoods: drawn, or 1 above 1/2",
    )
    parser.add_argument("--chains", type=whole(2), default=100, metavar="N", help="AIS chains")
    parser.add_argument(
        "--temperatures", type=whole(2), default=2000, metavar="N", help="AIS temperatures"
    )
    parser.add_argument("--quiet", action="store_true", help="show no progress bars")
    add_machine_options(parser)


def run(options: Namespace) -> None:
    """Measure and print."""
    model = step_model(io.load(options.model), "gibbslab evaluate")
    model.n_threads = options.n_threads
    X = load_data(options)
    if X.shape[1] != model.v_size:
        raise ValueError(
            f"the model has {model.v_size} visible units, the data {X.shape[1]} pixels"
        )
    bits = binarized(X, options.seed, options.binarize)
    how = "" if bits is X else f", grey values binarised ({options.binarize}, seed {options.seed})"
    error = model.reconstruction_error(X).mean()
    print(f"{len(X)} images of {X.shape[1]} pixels{how}")
    print(f"{'reconstruction error':<28} {error:10.5f} mean square per pixel, one Gibbs step")
    print_likelihoods(model, bits, options.chains, options.temperatures, options)


def binarized(X: Rows, seed: int, how: str = "sample") -> Rows:
    """`X` itself if it holds only 0 and 1, else 0/1 images made from it."""
    if np.logical_or(X == 0, X == 1).all():
        return X
    if how == "threshold":
        return (X > 0.5).astype(np.float32)
    return (np.random.default_rng(seed).random(X.shape, dtype=np.float32) < X).astype(np.float32)


def print_likelihoods(
    model: RBM, bits: Rows, chains: int, temperatures: int, options: Namespace
) -> None:
    """Pseudo-likelihood and log-likelihood of 0/1 images, a line each, in nats per image."""
    _line("pseudo-likelihood", float(model.pseudo_likelihood(bits).mean()))
    if min(model.v_size, model.h_size) <= MAX_ENUMERABLE:
        _line("log-likelihood, exact", float(model.log_likelihood(bits).mean()))
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", metrics.AISDisagreementWarning)
        bounds = metrics.ais_bounds(
            model,
            bits,
            n_chains=chains,
            n_temperatures=temperatures,
            random_state=options.seed,
            progress=not options.quiet,
        )
    for name, result in (("AIS", bounds.forward), ("reverse AIS", bounds.reverse)):
        estimate = result.log_likelihood(bits)
        _line(f"log-likelihood, {name}", estimate.mean, estimate.interval)
    if not bounds.agree:
        print(
            "gibbslab: warning: the two estimates do not agree within their errors; take more "
            "chains and temperatures",
            file=sys.stderr,
        )


def _line(name: str, value: float, interval: tuple[float, float] | None = None) -> None:
    bounds = f"  [{interval[0]:.2f}, {interval[1]:.2f}]" if interval else ""
    print(f"{name:<28} {value:10.2f} nats per image{bounds}")
