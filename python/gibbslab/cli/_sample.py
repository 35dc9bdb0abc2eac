"""``gibbslab sample``."""

from __future__ import annotations

import io as bytes_io
import sys
from argparse import ArgumentTypeError, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .. import io
from ..plot import SampleDisplay
from ..plot._images import Floats
from ..plot._matplotlib import require_matplotlib
from ..plot._model import sampling_copy
from ._parsing import add_machine_options, input_file, output_file, whole


def add_command(commands: Any) -> None:
    """Add the command's parser."""
    text = "draw samples from a saved model"
    parser = commands.add_parser(
        "sample",
        help=text,
        description=f"{text.capitalize()} by Gibbs chains that start at random.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("model", type=input_file, metavar="MODEL", help="file of a saved model")
    parser.add_argument("--n", type=whole(), default=25, metavar="N", help="samples, one per chain")
    parser.add_argument(
        "--steps", type=whole(), default=1000, metavar="N", help="Gibbs steps of each chain"
    )
    parser.add_argument(
        "--output",
        type=_samples_file,
        required=True,
        metavar="FILE",
        help=".npy: array of N rows, float32; .png: picture of them",
    )
    parser.add_argument(
        "--values",
        choices=("states", "probabilities"),
        help="0/1 states, or the probabilities of the last step, from which they are drawn "
        "(default: states for .npy, probabilities for .png)",
    )
    parser.add_argument(
        "--image-shape",
        type=whole(),
        nargs=2,
        metavar=("HEIGHT", "WIDTH"),
        help="for .png, needed unless the pixels make a square",
    )
    add_machine_options(parser)


def _samples_file(text: str) -> Path:
    path = output_file(text)
    if path.suffix.lower() not in (".npy", ".png"):
        raise ArgumentTypeError(f"must end in .npy or .png, got {text!r}")
    return path


def run(options: Namespace) -> None:
    """Sample and write."""
    model = sampling_copy(io.load(options.model), options.seed, "gibbslab sample")
    model.n_threads = options.n_threads
    probabilities, states = model.sample(options.n, options.steps)
    picture = options.output.suffix.lower() == ".png"
    values = options.values or ("probabilities" if picture else "states")
    samples = states if values == "states" else probabilities
    content = _png(samples, options) if picture else _npy(samples)
    io.write_atomically(options.output, content, "gibbslab sample")
    print(f"wrote {options.n} samples ({values} after {options.steps} steps) to {options.output}")


def _npy(samples: Floats) -> bytes:
    stream = bytes_io.BytesIO()
    np.save(stream, samples, allow_pickle=False)
    return stream.getvalue()


def _png(samples: Floats, options: Namespace) -> bytes:
    title = f"{options.n} samples after {options.steps} Gibbs steps"
    display = SampleDisplay(samples, image_shape=options.image_shape, title=title)
    return png_bytes(display.plot)


def png_bytes(draw: Callable[[], Any]) -> bytes:
    """The PNG of the display that `draw` draws, on a figure that is gone afterwards."""
    require_matplotlib("gibbslab")
    import matplotlib

    if "matplotlib.pyplot" not in sys.modules:
        matplotlib.use("Agg")  # no window system is needed to write files
    import matplotlib.pyplot as plt

    stream = bytes_io.BytesIO()
    figure = draw().figure_
    try:
        figure.savefig(stream, format="png", dpi=150)
    finally:
        plt.close(figure)
    return stream.getvalue()
