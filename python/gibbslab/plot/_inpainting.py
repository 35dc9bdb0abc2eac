"""Images with a part missing, filled in by the model."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._validation import as_integer
from ._images import Floats, as_images, same_shape
from ._matplotlib import require_matplotlib
from ._model import sampling_copy
from ._tiles import Row, draw_rows


class InpaintingDisplay:
    """What the model was given, what it filled in and, if known, the original.

    Parameters
    ----------
    before : array of shape (n, n_pixels) or (n, height, width)
        Images in [0, 1]; pixels outside the mask are not shown.
    mask : bool array of shape (n_pixels,), (height, width) or that of `before`
        True where a pixel is known.
    after : array of the shape of `before`
        Images with the unknown pixels filled in, by p(v = 1 | h) or by states.
    original : array of the shape of `before`, optional
        The truth.
    image_shape : (height, width), optional
        Needed unless the pixels make a square.
    title : str, default="In-painting"
        With `original`, the mean squared error of the unknown pixels follows it.

    Attributes
    ----------
    ax_, figure_ : Axes and Figure drawn on.
    images_ : list of AxesImage, one per row.
    error_ : float or None
        Mean squared difference between `after` and `original` over the unknown pixels.

    Raises
    ------
    ValueError, TypeError
        If arrays have other shapes or types, or hold NaN.
    """

    def __init__(
        self,
        before: ArrayLike,
        mask: ArrayLike,
        after: ArrayLike,
        original: ArrayLike | None = None,
        *,
        image_shape: tuple[int, int] | None = None,
        title: str = "In-painting",
    ) -> None:
        operation = "InpaintingDisplay"
        self.before = as_images(before, image_shape, operation, "before")
        shape = self.before.shape[1:]
        self.after = as_images(after, shape, operation, "after")
        same_shape(self.before, self.after, operation, "after")
        self.mask = _as_mask(mask, self.before.shape, operation)
        self.original: Floats | None = None
        self.error_: float | None = None
        self.title = title
        if original is not None:
            self.original = as_images(original, shape, operation, "original")
            same_shape(self.before, self.original, operation, "original")
            if not self.mask.all():
                self.error_ = _error(self.after, self.original, ~self.mask)
                self.title += f": mean squared error {self.error_:.4f} per unknown pixel"

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        mask: ArrayLike,
        *,
        n_images: int = 10,
        n_steps: int = 100,
        image_shape: tuple[int, int] | None = None,
        random_state: Any = 0,
        title: str | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> InpaintingDisplay:
        """Hide a part of the first images of `X`, fill it in and draw all three.

        Unknown pixels start at random; known ones are held at every Gibbs step.

        Parameters
        ----------
        estimator : fitted gibbslab.BernoulliRBM or gibbslab.models.RBM
        X : array of shape (n_samples, n_pixels)
            Whole images in [0, 1].
        mask : bool array of shape (n_pixels,), (height, width) or (n_images, n_pixels)
            True where a pixel is known.
        n_images : int, default=10
            How many, from the first.
        n_steps : int, default=100
            Gibbs steps.
        random_state : int or None, default=0
            Seed. The model's own random stream does not move.
        image_shape, title, ax, **kwargs
            As in the class and in `plot`.

        Returns
        -------
        InpaintingDisplay
        """
        operation = "InpaintingDisplay.from_estimator"
        require_matplotlib(operation)
        model = sampling_copy(estimator, random_state, operation)
        first = np.asarray(X)[: as_integer(n_images, "n_images", operation)]
        first = first.reshape(len(first), -1)
        steps = as_integer(n_steps, "n_steps", operation)
        known = _as_mask(mask, first.shape, operation)
        after, _ = model.inpaint(first, known, steps)
        title = title or f"In-painting, {steps} Gibbs step{'s' if steps > 1 else ''}"
        display = cls(first, known, after, first, image_shape=image_shape, title=title)
        return display.plot(ax=ax, **kwargs)

    def plot(self, *, ax: Any = None, cmap: Any = "gray", **imshow: Any) -> InpaintingDisplay:
        """Draw, with the unknown pixels marked in a colour of their own.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; default a new figure.
        cmap : colormap, default="gray"
            Black is 0, white is 1.
        **imshow
            Passed to ``Axes.imshow``.

        Returns
        -------
        InpaintingDisplay
        """
        require_matplotlib("InpaintingDisplay.plot")
        from matplotlib.colors import Normalize

        rows = [Row(self.before * self.mask, "given", masks=~self.mask)]
        rows.append(Row(self.after, "filled in"))
        if self.original is not None:
            rows.append(Row(self.original, "original"))
        self.ax_, self.images_ = draw_rows(
            ax,
            rows,
            self.before.shape[1:],
            "InpaintingDisplay.plot",
            title=self.title,
            **{"cmap": cmap, "norm": Normalize(0, 1), **imshow},
        )
        self.figure_ = self.ax_.figure
        return self


def _as_mask(mask: ArrayLike, shape: tuple[int, ...], operation: str) -> NDArray[np.bool_]:
    """`mask` as bool, one for each image."""
    known = np.asarray(mask)
    if known.dtype.kind not in "bui" or not np.isin(known, (0, 1)).all():
        raise TypeError(f"[{operation}] mask must be bool, got dtype {known.dtype}")
    n_pixels = int(np.prod(shape[1:]))
    if known.size == n_pixels:
        known = np.broadcast_to(known.reshape(1, n_pixels), (shape[0], n_pixels))
    if known.size != shape[0] * n_pixels:
        raise ValueError(
            f"[{operation}] mask must have {n_pixels} pixels, or one such row for each of the "
            f"{shape[0]} images, got shape {np.shape(mask)}"
        )
    return known.reshape(shape).astype(bool)


def _error(after: Floats, original: Floats, unknown: NDArray[np.bool_]) -> float:
    return float(np.mean((after - original)[unknown] ** 2))
