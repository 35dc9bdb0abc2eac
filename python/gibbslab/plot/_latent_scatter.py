"""Where data lie in latent space."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ._matplotlib import axes_for, require_matplotlib
from ._vae import as_dimensions, vae_of


class LatentScatterDisplay:
    """Latent means of data in two dimensions, coloured by class.

    Parameters
    ----------
    means : array of shape (n, n_latents)
        At least two latents.
    labels : array of shape (n,), optional
        The class of each.
    dimensions : (int, int), default=(0, 1)
        Latents to draw, counted from 0.

    Attributes
    ----------
    ax_, figure_ : Axes and Figure drawn on.
    collections_ : list of PathCollection, one for each class, in the order of their names.

    Raises
    ------
    ValueError, TypeError
        If arrays have other shapes or types, or hold NaN.
    """

    def __init__(
        self,
        means: ArrayLike,
        labels: ArrayLike | None = None,
        *,
        dimensions: tuple[int, int] = (0, 1),
    ) -> None:
        operation = "LatentScatterDisplay"
        self.means = np.asarray(means, dtype=np.float64)
        if self.means.ndim != 2 or not np.isfinite(self.means).all():
            raise ValueError(
                f"[{operation}] means must be finite and of shape (n, n_latents), "
                f"got shape {self.means.shape}"
            )
        self.dimensions = as_dimensions(dimensions, self.means.shape[1], operation)
        self.labels = None if labels is None else np.asarray(labels)
        if self.labels is not None and self.labels.shape != self.means.shape[:1]:
            raise ValueError(
                f"[{operation}] labels must have shape ({len(self.means)},), "
                f"got {self.labels.shape}"
            )

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        dimensions: tuple[int, int] = (0, 1),
        ax: Any = None,
        **kwargs: Any,
    ) -> LatentScatterDisplay:
        """Encode data and draw the means of q(z|x).

        Parameters
        ----------
        estimator : gibbslab.models.VAE, or a fitted estimator that holds one
        X : array of shape (n, n_pixels)
        y : array of shape (n,), optional
            The class of each.
        dimensions, ax, **kwargs
            As in the class and in `plot`.

        Returns
        -------
        LatentScatterDisplay
        """
        operation = "LatentScatterDisplay.from_estimator"
        require_matplotlib(operation)
        means = vae_of(estimator, operation).encode(X)[0].numpy()
        return cls(means, y, dimensions=dimensions).plot(ax=ax, **kwargs)

    def plot(
        self, *, ax: Any = None, cmap: str = "tab10", legend: bool = True, **scatter: Any
    ) -> LatentScatterDisplay:
        """Draw.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; default a new figure.
        cmap : str, default="tab10"
            Whose colours the classes take in turn.
        legend : bool, default=True
            Whether to name the classes.
        **scatter
            Passed to ``Axes.scatter``.

        Returns
        -------
        LatentScatterDisplay
        """
        self.ax_ = axes_for(ax, (6.0, 5.2), "LatentScatterDisplay.plot")
        self.figure_ = self.ax_.figure
        points = self.means[:, self.dimensions]
        options = {"s": 6, "alpha": 0.7, "linewidths": 0, **scatter}
        if self.labels is None:
            self.collections_ = [self.ax_.scatter(*points.T, **options)]
        else:
            self.collections_ = self._by_class(points, self.labels, cmap, options)
            if legend:
                self.ax_.legend(markerscale=3, fontsize="small", loc="center left",
                                bbox_to_anchor=(1, 0.5))  # fmt: skip
        first, second = (f"mean of latent {unit}" for unit in self.dimensions)
        self.ax_.set(title=f"{len(points)} samples in latent space", xlabel=first, ylabel=second)
        self.ax_.set_aspect("equal")
        return self

    def _by_class(self, points: Any, labels: Any, cmap: str, options: dict[str, Any]) -> list[Any]:
        import matplotlib

        colours = matplotlib.colormaps[cmap].resampled(10)
        drawn = []
        for i, name in enumerate(np.unique(labels)):
            of = points[labels == name]
            colour = {} if {"c", "color"} & options.keys() else {"color": colours(i % 10)}
            drawn.append(self.ax_.scatter(*of.T, label=str(name), **colour, **options))
        return drawn
