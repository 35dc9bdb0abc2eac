"""Filters: the weights of each hidden unit as an image."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._validation import as_integer
from ..metrics._model import step_model
from ._activation import activation_frequency
from ._images import as_images
from ._matplotlib import require_matplotlib
from ._tiles import draw_rows, grid_columns, grid_rows

ORDERS = {"index": "", "frequency": ", most often active first", "norm": ", largest norm first"}


class FilterDisplay:
    """Grid of filters on one colour scale, symmetric about zero.

    Parameters
    ----------
    filters : array of shape (n_filters, n_pixels) or (n_filters, height, width)
        One row per hidden unit, as ``components_``; that is ``W.T`` of `gibbslab.models.RBM`.
    units : array of shape (n_filters,), optional
        Numbers of the hidden units, counted from 0. Default: 0, 1, 2, ...
    frequency : array of shape (n_filters,), optional
        Activation frequencies in [0, 1], written above the filters with the units' numbers.
    image_shape : (height, width), optional
        Needed unless the pixels make a square.
    title : str, optional
        Title of the figure.

    Attributes
    ----------
    ax_, figure_ : Axes and Figure drawn on.
    images_ : list of AxesImage, one per row of the grid.
    colorbar_ : Colorbar or None.

    Raises
    ------
    ValueError, TypeError
        If an array has another shape or type, or holds NaN.
    """

    def __init__(
        self,
        filters: ArrayLike,
        *,
        units: ArrayLike | None = None,
        frequency: ArrayLike | None = None,
        image_shape: tuple[int, int] | None = None,
        title: str | None = None,
    ) -> None:
        self.filters = as_images(filters, image_shape, "FilterDisplay", "filters")
        self.image_shape = self.filters.shape[1:]
        count = len(self.filters)
        self.units = np.arange(count) if units is None else np.asarray(units)
        self.frequency = None if frequency is None else np.asarray(frequency)
        self.title = title or f"{count} filters"
        for name in ("units", "frequency"):
            value = getattr(self, name)
            if value is not None and value.shape != (count,):
                raise ValueError(
                    f"[FilterDisplay] {name} must have shape ({count},), got {value.shape}"
                )

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike | None = None,
        *,
        sort_by: str = "index",
        n_filters: int = 100,
        image_shape: tuple[int, int] | None = None,
        title: str | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> FilterDisplay:
        """Draw the filters of a model.

        Parameters
        ----------
        estimator : fitted gibbslab.BernoulliRBM or gibbslab.models.RBM
        X : array of shape (n_samples, n_pixels), optional
            Data on which activation frequencies are measured: the mean of p(h = 1 | v). Given,
            frequencies are written above the filters.
        sort_by : {"index", "frequency", "norm"}, default="index"
            Order of the filters, the most active (needs `X`) or the largest first.
        n_filters : int, default=100
            Draw at most so many, the first ones in that order.
        image_shape, title, ax, **kwargs
            As in the class and in `plot`.

        Returns
        -------
        FilterDisplay
        """
        operation = "FilterDisplay.from_estimator"
        require_matplotlib(operation)
        model = step_model(estimator, operation)
        if sort_by not in ORDERS:
            raise ValueError(
                f"[{operation}] sort_by must be 'index', 'frequency' or 'norm', got {sort_by!r}"
            )
        if sort_by == "frequency" and X is None:
            raise ValueError(f"[{operation}] X must be given if sort_by='frequency'")
        frequency = None if X is None else activation_frequency(model, X)
        filters = model.W.T
        keys = {"frequency": frequency, "norm": np.linalg.norm(filters, axis=1)}
        order = np.arange(model.h_size)
        if sort_by != "index":
            order = np.argsort(-keys[sort_by], kind="stable")
        units = order[: as_integer(n_filters, "n_filters", operation)]
        display = cls(
            filters[units],
            units=units,
            frequency=None if frequency is None else frequency[units],
            image_shape=image_shape,
            title=title or _title(len(units), model.h_size) + ORDERS[sort_by],
        )
        return display.plot(ax=ax, **kwargs)

    def plot(
        self,
        *,
        ax: Any = None,
        n_columns: int | None = None,
        limit: float | None = None,
        cmap: Any = "RdBu_r",
        colorbar: bool = True,
        **imshow: Any,
    ) -> FilterDisplay:
        """Draw.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; default a new figure.
        n_columns : int, optional
            Default: about as many columns as rows.
        limit : float > 0, optional
            The colour scale is -limit to limit. Default: the 99.8 % quantile of the absolute
            weights, so that a single large weight does not hide the rest.
        cmap : colormap, default="RdBu_r"
            Red is positive, blue negative.
        colorbar : bool, default=True
            Whether to draw the scale.
        **imshow
            Passed to ``Axes.imshow``.

        Returns
        -------
        FilterDisplay
        """
        require_matplotlib("FilterDisplay.plot")
        from matplotlib.colors import Normalize

        columns = grid_columns(len(self.filters), n_columns)
        rows = grid_rows(self.filters, columns, self._captions())
        scale = limit or float(np.quantile(np.abs(self.filters), 0.998)) or 1.0
        self.ax_, self.images_ = draw_rows(
            ax,
            rows,
            self.image_shape,
            "FilterDisplay.plot",
            title=self.title,
            extra_width=1.1 if colorbar else 0.0,
            **{"cmap": cmap, "norm": Normalize(-scale, scale), **imshow},
        )
        self.figure_ = self.ax_.figure
        self.colorbar_ = self._draw_colorbar(scale) if colorbar else None
        return self

    def _captions(self) -> list[str]:
        if self.frequency is None:
            return []
        return [f"{unit}: {share:.0%}" for unit, share in zip(self.units, self.frequency)]

    def _draw_colorbar(self, scale: float) -> Any:
        clipped = bool((np.abs(self.filters) > scale).any())
        return self.figure_.colorbar(
            self.images_[0],
            ax=self.ax_,
            label="weight",
            shrink=0.7,
            aspect=30,
            extend="both" if clipped else "neither",
            extendfrac=0.03,
        )


def _title(count: int, total: int) -> str:
    return f"{count} filters" if count == total else f"{count} of {total} filters"
