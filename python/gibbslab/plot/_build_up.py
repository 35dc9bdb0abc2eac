"""One image built up, hidden unit by hidden unit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from .._validation import as_integer
from ._images import Floats, as_images
from ._matplotlib import require_matplotlib
from ._model import sampling_copy
from ._tiles import draw_rows, grid_rows


class BuildUpDisplay:
    """From the image of the visible bias to p(v = 1 | h), adding one active unit at a time.

    Tile number k shows sigmoid(a + sum of W[:, j] over the first k active units j).

    Parameters
    ----------
    images : array of shape (n, n_pixels) or (n, height, width)
        The stages, values in [0, 1].
    captions : sequence of str
        What each stage shows or adds.
    image_shape : (height, width), optional
        Needed unless the pixels make a square.
    title : str, optional

    Attributes
    ----------
    ax_, figure_ : Axes and Figure drawn on.
    images_ : list of AxesImage, one per row of the grid.

    Raises
    ------
    ValueError, TypeError
        If arrays have other shapes or types, or hold NaN.
    """

    def __init__(
        self,
        images: ArrayLike,
        captions: Sequence[str],
        *,
        image_shape: tuple[int, int] | None = None,
        title: str = "Built up hidden unit by hidden unit",
    ) -> None:
        self.images = as_images(images, image_shape, "BuildUpDisplay", "images")
        self.captions = list(captions)
        self.title = title
        if len(self.captions) != len(self.images):
            raise ValueError(
                f"[BuildUpDisplay] captions must have {len(self.images)} entries, "
                f"got {len(self.captions)}"
            )

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        x: ArrayLike,
        *,
        hidden: ArrayLike | None = None,
        sort_by: str = "index",
        max_units: int = 57,
        image_shape: tuple[int, int] | None = None,
        random_state: Any = 0,
        title: str | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> BuildUpDisplay:
        """Build up the reconstruction of one image.

        Parameters
        ----------
        estimator : fitted gibbslab.BernoulliRBM or gibbslab.models.RBM
        x : array of shape (n_pixels,) or (1, n_pixels)
            The image, in [0, 1].
        hidden : 0/1 array of shape (n_units,), optional
            The hidden state. Default: sampled from p(h = 1 | x).
        sort_by : {"index", "norm"}, default="index"
            Order of the active units: by number, or the largest filter first.
        max_units : int, default=57
            Add at most so many one by one; a last tile has all the others.
        random_state : int or None, default=0
            Seed of the hidden state. The model's own random stream does not move.
        image_shape, title, ax, **kwargs
            As in the class and in `plot`.

        Returns
        -------
        BuildUpDisplay
        """
        operation = "BuildUpDisplay.from_estimator"
        require_matplotlib(operation)
        model = sampling_copy(estimator, random_state, operation)
        original = np.asarray(x).reshape(1, -1)
        state = model.sample_hidden(original) if hidden is None else np.asarray(hidden)
        units = _active_units(state, model.W, sort_by, operation)
        shown = units[: as_integer(max_units, "max_units", operation)]
        images, captions = _stages(model.W, model.v_bias, units, shown)
        display = cls(
            np.vstack([original, images]),
            ["input", *captions],
            image_shape=image_shape,
            title=title or _title(len(units), model.h_size),
        )
        return display.plot(ax=ax, **kwargs)

    def plot(
        self, *, ax: Any = None, n_columns: int = 10, cmap: Any = "gray", **imshow: Any
    ) -> BuildUpDisplay:
        """Draw.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; default a new figure.
        n_columns : int, default=10
            Stages beside each other.
        cmap : colormap, default="gray"
            Black is 0, white is 1.
        **imshow
            Passed to ``Axes.imshow``.

        Returns
        -------
        BuildUpDisplay
        """
        operation = "BuildUpDisplay.plot"
        require_matplotlib(operation)
        from matplotlib.colors import Normalize

        self.ax_, self.images_ = draw_rows(
            ax,
            grid_rows(self.images, as_integer(n_columns, "n_columns", operation), self.captions),
            self.images.shape[1:],
            operation,
            title=self.title,
            **{"cmap": cmap, "norm": Normalize(0, 1), **imshow},
        )
        self.figure_ = self.ax_.figure
        return self


def _active_units(state: Floats, W: Floats, sort_by: str, operation: str) -> np.ndarray:
    if state.size != W.shape[1] or not np.isin(state, (0, 1)).all():
        raise ValueError(
            f"[{operation}] hidden must be {W.shape[1]} values 0 or 1, got shape {state.shape}"
        )
    if sort_by not in ("index", "norm"):
        raise ValueError(f"[{operation}] sort_by must be 'index' or 'norm', got {sort_by!r}")
    units = np.flatnonzero(state)
    if sort_by == "norm":
        units = units[np.argsort(-np.linalg.norm(W[:, units], axis=0), kind="stable")]
    return units


def _stages(
    W: Floats, v_bias: Floats, units: np.ndarray, shown: np.ndarray
) -> tuple[Floats, list[str]]:
    """Images of the running sum and what each adds."""
    added = np.vstack([np.zeros(len(v_bias)), W[:, shown].T.astype(np.float64)])
    field = v_bias + np.cumsum(added, axis=0)
    captions = ["bias", *(f"+= unit {unit}" for unit in shown)]
    if len(shown) < len(units):
        rest = W[:, units[len(shown) :]].sum(axis=1, dtype=np.float64)
        field = np.vstack([field, field[-1] + rest])
        captions.append(f"+= {len(units) - len(shown)} more")
    return expit(field), captions


def _title(active: int, total: int) -> str:
    return f"p(v = 1 | h) built up from {active} active of {total} hidden units"
