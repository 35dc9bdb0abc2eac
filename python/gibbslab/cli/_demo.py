"""``gibbslab demo``."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .. import io
from ..callbacks import ProgressBar
from ..datasets import load_mnist_sample
from ..estimators import BernoulliRBM, Linear
from ..plot import (
    FilterDisplay,
    InpaintingDisplay,
    LearningCurveDisplay,
    ReconstructionDisplay,
    SampleDisplay,
)
from ._data import Rows
from ._evaluate import binarized, print_likelihoods
from ._parsing import add_machine_options, whole
from ._sample import png_bytes

SIDE = 28
LEARNING_RATE = 0.2


def add_command(commands: Any) -> None:
    """Add the command's parser."""
    text = "train, measure and draw a model of handwritten digits, in under a minute"
    parser = commands.add_parser(
        "demo",
        help=text,
        description=f"{text.capitalize()}. The images are the 12,000 of MNIST that come with the "
        "package: no network is needed. The pictures need the extra gibbslab[plot].",
    )
    parser.set_defaults(run=run, quiet=False)
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("gibbslab-demo"),
        metavar="DIR",
        help="folder for the model and the pictures, made if it is not there",
    )
    parser.add_argument(
        "--n-components", type=whole(), default=256, metavar="N", help="hidden units"
    )
    parser.add_argument("--epochs", type=whole(), default=40, metavar="N", help="epochs")
    parser.add_argument("--chains", type=whole(2), default=100, metavar="N", help="AIS chains")
    parser.add_argument(
        "--temperatures", type=whole(2), default=10000, metavar="N", help="AIS temperatures"
    )
    add_machine_options(parser)


def run(options: Namespace) -> None:
    """Train, measure, draw, save."""
    start = time.perf_counter()
    options.output.mkdir(parents=True, exist_ok=True)
    train, test = load_mnist_sample("train").data, load_mnist_sample("test").data
    print(f"training {options.n_components} hidden units on {len(train)} images of digits")
    estimator = _fitted(train, test, options)
    print(f"on {len(test)} held-out images, grey values drawn as 0 or 1:")
    bits = binarized(test, options.seed)
    print_likelihoods(estimator.model_, bits, options.chains, options.temperatures, options)
    model = options.output / "model.safetensors"
    io.save(estimator, model)
    names = [model.name, *_draw(estimator, test, options.output)]
    print(f"wrote to the folder {options.output}: {', '.join(names)}")
    print(f"{time.perf_counter() - start:.0f} seconds in all; next: gibbslab sample {model} --help")


def _fitted(train: Rows, test: Rows, options: Namespace) -> BernoulliRBM:
    estimator = BernoulliRBM(
        options.n_components,
        learning_rate=Linear(LEARNING_RATE, LEARNING_RATE / 100, options.epochs),
        batch_size=100,
        n_iter=options.epochs,
        momentum=0.5,
        n_chains=500,
        centered=True,
        init_visible_bias="data",
        sample_input=True,
        random_state=options.seed,
        n_threads=options.n_threads,
        callbacks=[ProgressBar()],
    )
    estimator.fit(train, validation_data=test)
    return estimator.set_params(callbacks=None)


def _draw(estimator: BernoulliRBM, test: Rows, folder: Path) -> list[str]:
    """Write the pictures; their names."""
    names: list[str] = []
    for name, draw in _pictures(estimator, test).items():
        try:
            content = png_bytes(draw)
        except ImportError as error:
            print(f"no pictures: {error}")
            return names
        io.write_atomically(folder / name, content, "gibbslab demo")
        names.append(name)
    return names


def _pictures(estimator: BernoulliRBM, test: Rows) -> dict[str, Callable[[], Any]]:
    """File name to a function that draws it."""
    upper_half = np.arange(SIDE * SIDE) < SIDE * SIDE // 2
    return {
        "filters.png": lambda: FilterDisplay.from_estimator(estimator, test, sort_by="frequency"),
        "reconstructions.png": lambda: ReconstructionDisplay.from_estimator(estimator, test),
        "samples.png": lambda: SampleDisplay.from_estimator(estimator, n_samples=100, n_steps=2000),
        "learning_curve.png": lambda: LearningCurveDisplay.from_estimator(estimator),
        "inpainting.png": lambda: InpaintingDisplay.from_estimator(estimator, test, upper_half),
    }
