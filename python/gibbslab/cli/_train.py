"""``gibbslab train``."""

from __future__ import annotations

import argparse
import inspect
from argparse import Namespace
from pathlib import Path
from typing import Any

from .. import io
from ..callbacks import Callback, Checkpoint, CSVLogger, ProgressBar
from ..errors import FormatError
from ..estimators import BernoulliRBM, Linear
from ._data import load_data
from ._parsing import (
    Interrupted,
    UsageError,
    add_data_options,
    add_machine_options,
    input_file,
    output_file,
    real,
    whole,
)

DEFAULTS = {
    name: parameter.default
    for name, parameter in inspect.signature(BernoulliRBM).parameters.items()
}
# Options named as the estimator's parameters, whose defaults they have.
PARAMETERS: dict[str, dict[str, Any]] = {
    "n_components": {"type": whole(), "metavar": "N", "help": "hidden units"},
    "learning_rate": {
        "type": real(above=True),
        "metavar": "RATE",
        "help": "step size, in the first epoch if --learning-rate-end is given",
    },
    "batch_size": {"type": whole(), "metavar": "N", "help": "images in a mini-batch"},
    "method": {
        "choices": ("pcd", "cd", "pt", "exact"),
        "help": "persistent contrastive divergence, chains that start at the data, persistent "
        "chains with parallel tempering, or the exact gradient of small models",
    },
    "k": {"type": whole(), "metavar": "N", "help": "Gibbs steps per batch"},
    "n_chains": {
        "type": whole(),
        "metavar": "N",
        "help": "persistent chains; as many as a batch has images if not given",
    },
    "n_temperatures": {"type": whole(), "metavar": "T", "help": "temperatures of method pt"},
    "momentum": {"type": real(), "metavar": "M", "help": "momentum, at least 0 and below 1"},
    "l1": {"type": real(), "metavar": "L", "help": "L1 decay of the weights"},
    "l2": {"type": real(), "metavar": "L", "help": "L2 decay of the weights"},
    "max_norm": {
        "type": real(above=True),
        "metavar": "NORM",
        "help": "upper limit of the norm of each hidden unit's weights; none if not given",
    },
    "sparsity_target": {
        "type": real(above=True),
        "metavar": "P",
        "help": "wanted mean activity of the hidden units, below 1; none if not given",
    },
    "sparsity_cost": {"type": real(), "metavar": "C", "help": "strength of that wish"},
    "centered": {"action": "store_true", "help": "use the centred gradient"},
    "init_visible_bias": {
        "choices": ("zeros", "data"),
        "help": "visible biases at the start: zeros, or the log-odds of the pixels' means",
    },
    "sample_input": {
        "action": "store_true",
        "help": "draw 0/1 images from the grey values anew for every batch, rather than use grey "
        "values as they are",
    },
    "statistics": {
        "choices": ("mean", "sample"),
        "help": "hidden probabilities or 0/1 samples in the gradient",
    },
    "validation_fraction": {
        "type": real(),
        "metavar": "P",
        "help": "part of the images set aside to measure on, at least 0 and below 1",
    },
}
FIXED = ("n_components", "init_visible_bias", "seed")  # of a model that exists already


def add_command(commands: Any) -> None:
    """Add the command's parser."""
    text = "train a model and save it"
    parser = commands.add_parser("train", help=text, description=text.capitalize() + ".")
    kinds = parser.add_subparsers(metavar="MODEL", dest="model", required=True)
    _add_rbm(kinds)


def _add_rbm(kinds: Any) -> None:
    parser = kinds.add_parser(
        "rbm",
        help="a Bernoulli restricted Boltzmann machine",
        description="Train a Bernoulli restricted Boltzmann machine and save it. Ctrl-C saves "
        "what is trained so far; --resume goes on from there, bit for bit.",
    )
    parser.set_defaults(run=run)
    add_data_options(parser.add_argument_group("data"), split="train")
    model = parser.add_argument_group("model and training")
    model.add_argument(
        "--epochs",
        type=whole(),
        default=DEFAULTS["n_iter"],
        metavar="N",
        help="epochs of the whole training, those before --resume included",
    )
    for name, options in PARAMETERS.items():
        _add_parameter(model, name, dict(options))
    model.add_argument(
        "--learning-rate-end",
        type=real(),
        metavar="RATE",
        help="let the learning rate fall in a straight line to this in the last epoch",
    )
    add_machine_options(model)
    parser.set_defaults(seed=None)
    _add_file_options(parser.add_argument_group("files"))


def _add_parameter(group: Any, name: str, options: dict[str, Any]) -> None:
    default = DEFAULTS[name]
    if default is not None and default is not False:
        options["help"] += f" (default: {default})"
    # Left out unless given, to know which of them --resume has to change.
    group.add_argument(f"--{name.replace('_', '-')}", default=argparse.SUPPRESS, **options)


def _add_file_options(group: Any) -> None:
    group.add_argument(
        "--output", type=output_file, required=True, metavar="FILE", help="model to write"
    )
    group.add_argument(
        "--resume",
        type=input_file,
        metavar="FILE",
        help="go on with this model, on the same data; other options change it only where given",
    )
    group.add_argument(
        "--checkpoint-every",
        type=whole(),
        metavar="N",
        help="write the model after every N epochs too",
    )
    group.add_argument(
        "--log", type=output_file, metavar="FILE.csv", help="write a row of measures per epoch"
    )
    group.add_argument("--quiet", action="store_true", help="show no progress bar")


def run(options: Namespace) -> None:
    """Train, save, and say how it went."""
    estimator = _resumed(options) if options.resume else _new(options)
    X = load_data(options)
    estimator.set_params(callbacks=_callbacks(options))
    try:
        estimator.fit(X)
    except KeyboardInterrupt:
        raise Interrupted(_rescue(estimator, options.output)) from None
    _save(estimator, options.output)
    last = {name: column[-1] for name, column in estimator.history_.items()}
    print(f"{len(X)} images of {X.shape[1]} pixels, {estimator.n_epochs_} epochs")
    for name in ("pseudo_likelihood", "reconstruction_error"):
        for prefix, kind in (("", "training"), ("validation_", "validation")):
            if prefix + name in last:
                print(f"{kind} {name.replace('_', ' ')}: {last[prefix + name]:.4f}")
    print(f"wrote {options.output}")


def _given(options: Namespace) -> dict[str, Any]:
    """The estimator's parameters that the command line names."""
    given = {name: getattr(options, name) for name in PARAMETERS if hasattr(options, name)}
    if options.n_threads is not None:
        given["n_threads"] = options.n_threads
    if options.learning_rate_end is not None:
        if options.resume and "learning_rate" not in given:
            raise UsageError("--learning-rate-end needs --learning-rate beside --resume")
        start = given.get("learning_rate", DEFAULTS["learning_rate"])
        given["learning_rate"] = Linear(start, options.learning_rate_end, options.epochs)
    return given


def _new(options: Namespace) -> BernoulliRBM:
    seed = 0 if options.seed is None else options.seed
    return BernoulliRBM(n_iter=options.epochs, random_state=seed, **_given(options))


def _resumed(options: Namespace) -> BernoulliRBM:
    for name in FIXED:
        if getattr(options, name, None) is not None:
            raise UsageError(f"--{name.replace('_', '-')} cannot be changed with --resume")
    estimator = io.load(options.resume)
    if not isinstance(estimator, BernoulliRBM):
        raise FormatError(f"{options.resume}: holds no BernoulliRBM to go on with")
    left = options.epochs - estimator.n_epochs_
    if left < 1:
        raise UsageError(
            f"{options.resume} has {estimator.n_epochs_} epochs already; --epochs must be more, "
            f"got {options.epochs}"
        )
    return estimator.set_params(warm_start=True, n_iter=left, **_given(options))


def _callbacks(options: Namespace) -> list[Callback]:
    callbacks: list[Callback] = [] if options.quiet else [ProgressBar()]
    if options.log:
        callbacks.append(CSVLogger(options.log))
    if options.checkpoint_every:
        callbacks.append(Checkpoint(options.output, options.checkpoint_every))
    return callbacks


def _save(estimator: BernoulliRBM, path: Path) -> None:
    io.save(estimator.set_params(callbacks=None), path)


def _rescue(estimator: BernoulliRBM, path: Path) -> str:
    """Save what an interrupted training has, and say so."""
    if not hasattr(estimator, "model_"):
        return "interrupted before training began; nothing is written"
    _save(estimator, path)
    return (
        f"interrupted after {estimator.n_epochs_} epochs; {path} has all that is trained so far, "
        f"go on with --resume {path}"
    )
