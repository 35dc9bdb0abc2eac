"""How often each hidden unit is active."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..metrics._model import step_model
from ..models import RBM
from ._images import Floats
from ._matplotlib import axes_for, require_matplotlib

KINDS = ("sorted", "histogram", "grid")


def activation_frequency(model: RBM, X: ArrayLike) -> Floats:
    """Mean over the samples of p(h = 1 | v), shape (hidden_size,), in float64."""
    return model.hidden_mean(X).mean(axis=0, dtype=np.float64)


class ActivationFrequencyDisplay:
    """How often each hidden unit is active on data: the mean of p(h = 1 | v).

    Units near 0 or 1 carry no information: they are dead, or do the work of a bias.

    Parameters
    ----------
    frequency : array of shape (n_units,)
        Frequencies in [0, 1].

    Attributes
    ----------
    ax_, figure_ : Axes and Figure drawn on.

    Raises
    ------
    ValueError
        If `frequency` is not one-dimensional or leaves [0, 1].
    """

    def __init__(self, frequency: ArrayLike) -> None:
        self.frequency = np.asarray(frequency, dtype=np.float64)
        if self.frequency.ndim != 1 or self.frequency.size == 0:
            raise ValueError(
                "[ActivationFrequencyDisplay] frequency must have shape (n_units,), "
                f"got {self.frequency.shape}"
            )
        if not ((self.frequency >= 0) & (self.frequency <= 1)).all():
            raise ValueError("[ActivationFrequencyDisplay] frequency must lie in [0, 1]")

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: ArrayLike, *, ax: Any = None, **kwargs: Any
    ) -> ActivationFrequencyDisplay:
        """Measure the frequencies of a model on `X` and draw them.

        Parameters
        ----------
        estimator : fitted gibbslab.BernoulliRBM or gibbslab.models.RBM
        X : array of shape (n_samples, n_pixels)
            Values in [0, 1].
        ax, **kwargs
            As in `plot`.

        Returns
        -------
        ActivationFrequencyDisplay
        """
        operation = "ActivationFrequencyDisplay.from_estimator"
        require_matplotlib(operation)
        return cls(activation_frequency(step_model(estimator, operation), X)).plot(ax=ax, **kwargs)

    def plot(
        self, *, ax: Any = None, kind: str = "sorted", **kwargs: Any
    ) -> ActivationFrequencyDisplay:
        """Draw.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; default a new figure.
        kind : {"sorted", "histogram", "grid"}, default="sorted"
            A bar per unit, the most active first; the number of units by frequency; or a map
            of the units in reading order.
        **kwargs
            Passed to ``Axes.bar``, ``Axes.hist`` or ``Axes.imshow``.

        Returns
        -------
        ActivationFrequencyDisplay
        """
        operation = "ActivationFrequencyDisplay.plot"
        if kind not in KINDS:
            raise ValueError(f"[{operation}] kind must be one of {KINDS}, got {kind!r}")
        self.ax_ = axes_for(ax, (6.0, 5.0 if kind == "grid" else 3.6), operation)
        self.figure_ = self.ax_.figure
        count, mean = len(self.frequency), self.frequency.mean()
        self.ax_.set_title(f"Activation frequency of {count} hidden units, mean {mean:.1%}")
        getattr(self, f"_{kind}")(kwargs)
        return self

    def _sorted(self, kwargs: dict[str, Any]) -> None:
        from matplotlib.ticker import MaxNLocator

        ranked = -np.sort(-self.frequency)
        self.ax_.bar(np.arange(1, len(ranked) + 1), ranked, **{"width": 1.0, **kwargs})
        self.ax_.set(xlabel="rank of the unit", ylabel="share of samples that activate it")
        self.ax_.set(xlim=(0.5, len(ranked) + 0.5), ylim=(0, 1))
        self.ax_.xaxis.set_major_locator(MaxNLocator(integer=True))

    def _histogram(self, kwargs: dict[str, Any]) -> None:
        self.ax_.hist(self.frequency, **{"bins": 20, "range": (0, 1), "rwidth": 0.95, **kwargs})
        self.ax_.set(xlabel="share of samples that activate the unit", ylabel="hidden units")
        self.ax_.set_xlim(0, 1)

    def _grid(self, kwargs: dict[str, Any]) -> None:
        count = len(self.frequency)
        columns = math.ceil(math.sqrt(count))
        cells = np.full(math.ceil(count / columns) * columns, np.nan)
        cells[:count] = self.frequency
        options = {"vmin": 0.0, "vmax": 1.0, "interpolation": "nearest", **kwargs}
        image = self.ax_.imshow(cells.reshape(-1, columns), **options)
        self.figure_.colorbar(image, ax=self.ax_, label="share of samples that activate the unit")
        self.ax_.set(xlabel=f"unit mod {columns}", ylabel=f"unit div {columns}")
