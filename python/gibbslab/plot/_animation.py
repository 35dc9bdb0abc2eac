"""A Gibbs chain as a moving picture."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._validation import as_integer
from ..models import RBM
from ._images import Floats, as_images
from ._matplotlib import require_matplotlib
from ._model import sampling_copy
from ._tiles import draw_rows, grid_columns, grid_rows


def animate_gibbs(
    model: Any,
    start: ArrayLike,
    n_steps: int,
    path: str | os.PathLike[str],
    *,
    steps_per_frame: int = 1,
    fps: int = 10,
    image_shape: tuple[int, int] | None = None,
    random_state: Any = 0,
    progress: bool = False,
) -> Path:
    """Write the Gibbs chains that start at `start` as an animated GIF.

    The first frame shows `start`, the others p(v = 1 | h), with the number of steps above.

    Parameters
    ----------
    model : fitted gibbslab.BernoulliRBM or gibbslab.models.RBM
    start : array of shape (n_chains, n_pixels)
        Images in [0, 1], one for each chain.
    n_steps : int
        Gibbs steps of each chain.
    path : str or path-like
        File to write, ending in ".gif".
    steps_per_frame : int, default=1
        Gibbs steps between two frames.
    fps : int, default=10
        Frames per second, at most 50.
    image_shape : (height, width), optional
        Needed unless the pixels make a square.
    random_state : int or None, default=0
        Seed of the chains. The model's own random stream does not move.
    progress : bool, default=False
        Whether to show a progress bar.

    Returns
    -------
    pathlib.Path
        `path`.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of range.
    OSError
        If the file cannot be written.
    """
    require_matplotlib("animate_gibbs")
    target = _gif_path(path)
    stride = as_integer(steps_per_frame, "steps_per_frame", "animate_gibbs")
    stops = range(0, as_integer(n_steps, "n_steps", "animate_gibbs") + 1, stride)
    rate = as_integer(fps, "fps", "animate_gibbs", maximum=50)
    chains = sampling_copy(model, random_state, "animate_gibbs")
    first = as_images(start, image_shape, "animate_gibbs", "start")
    h = chains.sample_hidden(first.reshape(len(first), -1))
    _write(target, chains, h, _first_frame(first), stops, rate, progress)
    return target


def _write(
    target: Path,
    chains: RBM,
    h: Floats,
    frame: tuple[Any, Any, list[Any]],
    stops: range,
    fps: int,
    progress: bool,
) -> None:
    from matplotlib.animation import PillowWriter
    from tqdm.auto import tqdm

    figure, ax, artists = frame
    writer = PillowWriter(fps=fps)
    with writer.saving(figure, str(target), dpi=100):
        for step in tqdm(stops, desc="frames", disable=not progress):
            if step:
                h = _advance(chains, h, stops.step, artists)
            ax.set_title(f"step {step}")
            writer.grab_frame()


def _gif_path(path: str | os.PathLike[str]) -> Path:
    target = Path(path)
    if target.suffix.lower() != ".gif":
        raise ValueError(f"[animate_gibbs] path must end in '.gif', got {str(target)!r}")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"[animate_gibbs] folder {target.parent} does not exist")
    return target


def _first_frame(images: Floats) -> tuple[Any, Any, list[Any]]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

    rows = grid_rows(images, grid_columns(len(images), None))
    shape = images.shape[1:]
    height = max(2.0, 4.0 * len(rows) * shape[0] / (len(rows[0].images) * shape[1]))
    figure = Figure(figsize=(4.0, height + 0.35), layout="constrained")
    FigureCanvasAgg(figure)
    ax, artists = draw_rows(
        figure.add_subplot(),
        rows,
        shape,
        "animate_gibbs",
        title="step 0",
        cmap="gray",
        norm=Normalize(0, 1),
    )
    return figure, ax, artists


def _advance(chains: RBM, h: Floats, steps: int, artists: list[Any]) -> Floats:
    """Run the chains, put their images on the Axes, return their hidden states."""
    _, h, v_mean, _ = chains.reconstruct(h, steps)
    done = 0
    for artist in artists:
        height, width = artist.get_array().shape
        count = height * width // v_mean.shape[1]
        images = v_mean[done : done + count].reshape(count, height, -1)
        artist.set_data(np.concatenate(images, axis=1))
        done += count
    return h
