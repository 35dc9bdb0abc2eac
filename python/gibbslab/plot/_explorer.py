"""Latent space, walked through by hand."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._validation import as_real
from ._images import Floats, as_images
from ._latent_grid import LatentGridDisplay
from ._matplotlib import require_matplotlib
from ._vae import as_dimensions, vae_of


class LatentExplorer:
    """A map of two latents with a place on it, and what is decoded there.

    Parameters
    ----------
    estimator : gibbslab.models.VAE, or a fitted estimator that holds one
    X : array of shape (n, n_pixels), optional
        Data whose means are shown on the map.
    y : array of shape (n,), optional
        Their classes.
    limit : float, default=3.0
        The map goes from -limit to limit.
    dimensions : (int, int), default=(0, 1)
        Latents that vary; the others are 0.
    image_shape : (height, width), optional
        Needed unless the pixels make a square.

    Attributes
    ----------
    place_ : (float, float)
        Where we are.
    decoded_ : array of shape (height, width)
        What is there.
    figure_ : Figure
    axes_ : the map's Axes and the image's.
    """

    def __init__(
        self,
        estimator: Any,
        X: ArrayLike | None = None,
        y: ArrayLike | None = None,
        *,
        limit: float = 3.0,
        dimensions: tuple[int, int] = (0, 1),
        image_shape: tuple[int, int] | None = None,
    ) -> None:
        operation = "LatentExplorer"
        self.model = vae_of(estimator, operation)
        self.dimensions = as_dimensions(dimensions, self.model.latent_size, operation)
        self.limit = as_real(limit, "limit", operation)
        self.image_shape = image_shape
        self.X, self.y = X, y
        self.place_ = (0.0, 0.0)
        self.decoded_ = self._decoded()

    def _decoded(self) -> Floats:
        z = np.zeros((1, self.model.latent_size), np.float32)
        z[0, list(self.dimensions)] = self.place_
        image = self.model.decode(z).numpy()
        return as_images(image, self.image_shape, "LatentExplorer", "image")[0]

    def plot(self) -> LatentExplorer:
        """Draw map and image side by side in a new figure."""
        require_matplotlib("LatentExplorer.plot")
        from matplotlib.figure import Figure

        self.figure_ = Figure(figsize=(8.5, 4.2), layout="constrained")
        self.axes_ = list(self.figure_.subplots(1, 2))
        self._draw_map(self.axes_[0])
        (self._mark,) = self.axes_[0].plot(*self.place_, "k+", markersize=14, markeredgewidth=2)
        self._image = self.axes_[1].imshow(self.decoded_, cmap="gray", vmin=0, vmax=1)
        self.axes_[1].set_axis_off()
        self._name()
        return self

    def _draw_map(self, ax: Any) -> None:
        from ._latent_scatter import LatentScatterDisplay

        if self.X is not None:
            LatentScatterDisplay.from_estimator(
                self.model, self.X, self.y, dimensions=self.dimensions, ax=ax
            )
        first, second = (f"latent {unit}" for unit in self.dimensions)
        ax.set(xlabel=first, ylabel=second, title="Latent space", aspect="equal")
        ax.set(xlim=(-self.limit, self.limit), ylim=(-self.limit, self.limit))

    def _name(self) -> None:
        self.axes_[1].set_title(f"decoded at ({self.place_[0]:.2f}, {self.place_[1]:.2f})")

    def move(self, first: float, second: float) -> LatentExplorer:
        """Go to another place; what is drawn follows."""
        self.place_ = (float(first), float(second))
        self.decoded_ = self._decoded()
        if hasattr(self, "figure_"):
            self._mark.set_data([self.place_[0]], [self.place_[1]])
            self._image.set_data(self.decoded_)
            self._name()
        return self

    def png(self) -> bytes:
        """The figure as it is now."""
        if not hasattr(self, "figure_"):
            self.plot()
        buffer = io.BytesIO()
        self.figure_.savefig(buffer, format="png", dpi=80)
        return buffer.getvalue()

    def widget(self) -> Any:
        """Two sliders above the figure, for a notebook; needs ipywidgets."""
        import ipywidgets

        picture = ipywidgets.Image(value=self.png(), format="png")
        sliders = [
            ipywidgets.FloatSlider(value=value, min=-self.limit, max=self.limit, step=0.05,
                                   description=f"latent {unit}")
            for unit, value in zip(self.dimensions, self.place_)
        ]  # fmt: skip

        def follow(_: Any) -> None:
            self.move(*(slider.value for slider in sliders))
            picture.value = self.png()

        for slider in sliders:
            slider.observe(follow, names="value")
        return ipywidgets.VBox([ipywidgets.HBox(sliders), picture])


def explore_latent_space(
    estimator: Any,
    X: ArrayLike | None = None,
    y: ArrayLike | None = None,
    *,
    limit: float = 3.0,
    dimensions: tuple[int, int] = (0, 1),
    image_shape: tuple[int, int] | None = None,
) -> Any:
    """Sliders over two latents with the image decoded there; without ipywidgets, a plain grid.

    Parameters
    ----------
    estimator, X, y, limit, dimensions, image_shape
        As in `LatentExplorer`.

    Returns
    -------
    ipywidgets.VBox, or LatentGridDisplay where ipywidgets is not installed

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type, shape or value.
    """
    require_matplotlib("explore_latent_space")
    options: dict[str, Any] = {"dimensions": dimensions, "image_shape": image_shape}
    try:
        import ipywidgets  # noqa: F401
    except ImportError:
        return LatentGridDisplay.from_estimator(estimator, limit=limit, **options)
    return LatentExplorer(estimator, X, y, limit=limit, **options).widget()
