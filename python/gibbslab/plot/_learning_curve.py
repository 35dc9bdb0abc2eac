"""How measures changed from epoch to epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from ._matplotlib import require_matplotlib

LABELS = {
    "pseudo_likelihood": ("Pseudo-likelihood", "nats per sample"),
    "reconstruction_error": ("Reconstruction error", "mean square per unit"),
    "free_energy_gap": ("Free energy, validation minus training", "nats per sample"),
    "learning_rate": ("Learning rate", "learning rate"),
    "momentum": ("Momentum", "momentum"),
    "time": ("Time", "seconds per epoch"),
}
DEFAULT_METRICS = ("pseudo_likelihood", "reconstruction_error", "free_energy_gap")
VALIDATION = "validation_"


class LearningCurveDisplay:
    """One panel for each measure, with training and validation data on it.

    Parameters
    ----------
    history : mapping of str to sequence
        Columns as in ``history_``: "epoch", counted from 0, and measures; that of validation data
        is called as the measure with "validation_" before it.
    metrics : sequence of str, optional
        Measures to draw. Default: pseudo-likelihood, reconstruction error and free-energy gap,
        those that `history` has.

    Attributes
    ----------
    axes_ : list of Axes, one for each measure.
    ax_ : the first of them.
    figure_ : Figure
    lines_ : dict of str to Line2D, by column of `history`.

    Raises
    ------
    ValueError
        If `history` is empty, lacks a measure, or has columns of different lengths.
    """

    def __init__(
        self, history: Mapping[str, ArrayLike], *, metrics: Sequence[str] | None = None
    ) -> None:
        self.history = {name: np.asarray(column) for name, column in history.items()}
        self.metrics = [m for m in DEFAULT_METRICS if m in history] if metrics is None else metrics
        if isinstance(self.metrics, str):
            self.metrics = [self.metrics]
        missing = [name for name in ("epoch", *self.metrics) if name not in history]
        if missing:
            raise ValueError(
                f"[LearningCurveDisplay] history must have a column {missing[0]!r}, "
                f"got {sorted(history)}"
            )
        lengths = {column.shape for column in self.history.values()}
        if len(lengths) != 1 or not self.metrics or not self.history["epoch"].size:
            raise ValueError(
                "[LearningCurveDisplay] history must have a measure and columns of one length, "
                f"at least 1, got shapes {sorted(lengths)}"
            )

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        metrics: Sequence[str] | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> LearningCurveDisplay:
        """Draw the ``history_`` of an estimator.

        Parameters
        ----------
        estimator : fitted gibbslab.BernoulliRBM
        metrics, ax, **kwargs
            As in the class and in `plot`.

        Returns
        -------
        LearningCurveDisplay
        """
        operation = "LearningCurveDisplay.from_estimator"
        require_matplotlib(operation)
        if hasattr(estimator, "fit"):
            check_is_fitted(estimator)
        history = getattr(estimator, "history_", None)
        if history is None:
            raise TypeError(
                f"[{operation}] estimator must have a history_, got {type(estimator).__name__}"
            )
        return cls(history, metrics=metrics).plot(ax=ax, **kwargs)

    def plot(self, *, ax: Any = None, **kwargs: Any) -> LearningCurveDisplay:
        """Draw.

        Parameters
        ----------
        ax : Axes or sequence of Axes, one for each measure, optional
            Where to draw; default a new figure.
        **kwargs
            Passed to ``Axes.plot``.

        Returns
        -------
        LearningCurveDisplay
        """
        self.axes_ = self._axes(ax)
        self.ax_ = self.axes_[0]
        self.figure_ = self.ax_.figure
        self.lines_: dict[str, Any] = {}
        for panel, metric in zip(self.axes_, self.metrics):
            self._draw(panel, metric, kwargs)
        return self

    def _axes(self, ax: Any) -> list[Any]:
        operation, count = "LearningCurveDisplay.plot", len(self.metrics)
        require_matplotlib(operation)
        if ax is None:
            import matplotlib.pyplot as plt

            size = (4.2 * count, 3.4)
            _, panels = plt.subplots(1, count, figsize=size, squeeze=False, layout="constrained")
            return list(panels[0])
        axes = list(ax) if isinstance(ax, (list, tuple, np.ndarray)) else [ax]
        if len(axes) != count:
            raise ValueError(
                f"[{operation}] ax must be {count} Axes, one for each of {list(self.metrics)}, "
                f"got {len(axes)}"
            )
        return axes

    def _draw(self, ax: Any, metric: str, kwargs: dict[str, Any]) -> None:
        from matplotlib.ticker import MaxNLocator

        epochs = self.history["epoch"] + 1
        marker = "o" if len(epochs) == 1 else ""
        for name, label in ((metric, "training"), (VALIDATION + metric, "validation")):
            if name in self.history:
                options = {"label": label, "marker": marker, **kwargs}
                (self.lines_[name],) = ax.plot(epochs, self.history[name], **options)
        title, unit = LABELS.get(metric, (metric, metric))
        ax.set(title=title, xlabel="epochs done", ylabel=unit)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.grid(alpha=0.3)
        if metric == "reconstruction_error":
            ax.set_ylim(bottom=0)
        if metric == "free_energy_gap":
            ax.axhline(0, color="0.5", linewidth=1)
        if VALIDATION + metric in self.history:
            ax.legend()
