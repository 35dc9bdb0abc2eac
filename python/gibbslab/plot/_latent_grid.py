"""What a decoder makes of a plane of latent space."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from .._validation import as_integer, as_real
from ._images import as_images
from ._matplotlib import axes_for, require_matplotlib
from ._vae import as_dimensions, vae_of

SPACINGS = ("linear", "quantile")


def latent_plane(
    first: ArrayLike, second: ArrayLike, size: int, dimensions: tuple[int, int], others: ArrayLike
) -> np.ndarray:
    """Latents of all pairs of the two coordinates, (n_second n_first, size), the others held.

    Row by row from the largest second coordinate, as a picture is drawn.
    """
    across, up = np.meshgrid(first, np.asarray(second)[::-1])
    z = np.tile(np.broadcast_to(np.asarray(others, np.float32), (size,)), (across.size, 1))
    z[:, dimensions[0]], z[:, dimensions[1]] = across.ravel(), up.ravel()
    return z


class LatentGridDisplay:
    """Decoded images at the points of a grid in latent space, where they belong.

    Parameters
    ----------
    images : array of shape (n_second n_first, n_pixels) or (n_second n_first, height, width)
        Row by row from the largest second coordinate, values in [0, 1].
    first, second : array of shape (n_first,), (n_second,)
        Coordinates of the columns and rows, increasing.
    dimensions : (int, int), default=(0, 1)
        Latents that vary, counted from 0.
    image_shape : (height, width), optional
        Needed unless the pixels make a square.

    Attributes
    ----------
    ax_, figure_ : Axes and Figure drawn on.
    image_ : AxesImage

    Raises
    ------
    ValueError, TypeError
        If arrays have other shapes or types, or hold NaN.
    """

    def __init__(
        self,
        images: ArrayLike,
        first: ArrayLike,
        second: ArrayLike,
        *,
        dimensions: tuple[int, int] = (0, 1),
        image_shape: tuple[int, int] | None = None,
    ) -> None:
        self.images = as_images(images, image_shape, "LatentGridDisplay", "images")
        self.first, self.second = np.asarray(first), np.asarray(second)
        self.dimensions = dimensions
        if len(self.images) != self.first.size * self.second.size:
            raise ValueError(
                f"[LatentGridDisplay] images must be {self.first.size} x {self.second.size}, "
                f"got {len(self.images)}"
            )

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        n_points: int = 15,
        limit: float = 3.0,
        spacing: str = "linear",
        dimensions: tuple[int, int] = (0, 1),
        others: ArrayLike = 0.0,
        image_shape: tuple[int, int] | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> LatentGridDisplay:
        """Decode a grid of latents and draw the means of p(x|z).

        Parameters
        ----------
        estimator : gibbslab.models.VAE, or a fitted estimator that holds one
        n_points : int, default=15
            Along each coordinate.
        limit : float, default=3.0
            Coordinates go from -limit to limit.
        spacing : {"linear", "quantile"}, default="linear"
            Even, or such that each interval has the same probability under the prior.
        dimensions : (int, int), default=(0, 1)
            Latents that vary, counted from 0.
        others : float or array of shape (n_latents,), default=0.0
            Values of the latents that do not vary.
        image_shape, ax, **kwargs
            As in the class and in `plot`.

        Returns
        -------
        LatentGridDisplay
        """
        operation = "LatentGridDisplay.from_estimator"
        require_matplotlib(operation)
        model = vae_of(estimator, operation)
        plane = as_dimensions(dimensions, model.latent_size, operation)
        count = as_integer(n_points, "n_points", operation, minimum=2)
        line = _line(count, as_real(limit, "limit", operation), spacing, operation)
        images = model.decode(latent_plane(line, line, model.latent_size, plane, others)).numpy()
        display = cls(images, line, line, dimensions=plane, image_shape=image_shape)
        return display.plot(ax=ax, **kwargs)

    def plot(self, *, ax: Any = None, cmap: Any = "gray", **imshow: Any) -> LatentGridDisplay:
        """Draw.

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
        LatentGridDisplay
        """
        self.ax_ = axes_for(ax, (7.5, 7.5), "LatentGridDisplay.plot")
        self.figure_ = self.ax_.figure
        columns, rows = self.first.size, self.second.size
        height, width = self.images.shape[1:]
        picture = self.images.reshape(rows, columns, height, width)
        picture = picture.transpose(0, 2, 1, 3).reshape(rows * height, columns * width)
        place = {"extent": (-0.5, columns - 0.5, -0.5, rows - 0.5), "aspect": height / width}
        scale = {"cmap": cmap, "vmin": 0, "vmax": 1}
        self.image_ = self.ax_.imshow(picture, **{**place, **scale, **imshow})
        for set_ticks, values in (
            (self.ax_.set_xticks, self.first),
            (self.ax_.set_yticks, self.second),
        ):
            shown = np.unique(np.linspace(0, values.size - 1, 7).round().astype(int))
            set_ticks(shown, [f"{values[i]:.2g}" for i in shown])
        first, second = (f"latent {unit}" for unit in self.dimensions)
        self.ax_.set(title=f"Decoded from {rows} x {columns} latents", xlabel=first, ylabel=second)
        return self


def _line(count: int, limit: float, spacing: str, operation: str) -> np.ndarray:
    if spacing not in SPACINGS:
        raise ValueError(f"[{operation}] spacing must be one of {SPACINGS}, got {spacing!r}")
    if limit == 0:
        raise ValueError(f"[{operation}] limit must be above 0, got 0")
    line = np.linspace(-limit, limit, count)
    if spacing == "linear":
        return line
    # The quantiles of the middle of `count` intervals, those beyond the limit drawn in.
    return np.clip(ndtri((np.arange(count) + 0.5) / count), -limit, limit)
