"""Series, and what a model made of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._validation import as_integer
from ._anomaly import NAMES, as_flags, outliers
from ._matplotlib import panels_for, require_matplotlib


class AnomalyTraceDisplay:
    """Series, what a model made of them, and the error between.

    Parameters
    ----------
    series, reconstructions : array of shape (n, n_steps)
    anomalous : bool array of shape (n,), optional
        Told in the titles.
    scores : array of shape (n,), optional
        Told in the titles.

    Attributes
    ----------
    axes_ : list of Axes, one for each series.
    ax_, figure_ : the first of them, and the Figure.

    Raises
    ------
    ValueError
        If arrays have other shapes, or hold NaN.
    """

    def __init__(
        self,
        series: ArrayLike,
        reconstructions: ArrayLike,
        *,
        anomalous: ArrayLike | None = None,
        scores: ArrayLike | None = None,
    ) -> None:
        operation = "AnomalyTraceDisplay"
        self.series = np.asarray(series, np.float64)
        self.reconstructions = np.asarray(reconstructions, np.float64)
        if self.series.ndim != 2 or self.series.shape != self.reconstructions.shape:
            raise ValueError(
                f"[{operation}] series and reconstructions must have one shape (n, n_steps), "
                f"got {self.series.shape} and {self.reconstructions.shape}"
            )
        n = len(self.series)
        self.anomalous = None if anomalous is None else as_flags(anomalous, n, operation)
        self.scores = None if scores is None else np.asarray(scores, np.float64)
        if self.scores is not None and self.scores.shape != (n,):
            raise ValueError(
                f"[{operation}] scores must have shape ({n},), got {self.scores.shape}"
            )
        if not (np.isfinite(self.series).all() and np.isfinite(self.reconstructions).all()):
            raise ValueError(f"[{operation}] series and reconstructions must be finite")

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        ax: Any = None,
        **kwargs: Any,
    ) -> AnomalyTraceDisplay:
        """Reconstruct series and draw both.

        Parameters
        ----------
        estimator : fitted gibbslab.AnomalyDetector or gibbslab.Autoencoder
            Or another estimator with `reconstruct` and `score_samples`.
        X : array of shape (n, n_steps)
            One panel is drawn for each.
        y : array of shape (n,), optional
            1 for inliers, -1 for outliers.
        ax, **kwargs
            As in `plot`.

        Returns
        -------
        AnomalyTraceDisplay
        """
        require_matplotlib("AnomalyTraceDisplay.from_estimator")
        model = getattr(estimator, "estimator_", estimator)
        made, scores = model.reconstruct(X), -estimator.score_samples(X)
        return cls(X, made, anomalous=outliers(y), scores=scores).plot(ax=ax, **kwargs)

    def plot(self, *, ax: Any = None, n_columns: int = 3, **lines: Any) -> AnomalyTraceDisplay:
        """Draw.

        Parameters
        ----------
        ax : Axes or sequence of Axes, one for each series, optional
            Where to draw; default a new figure.
        n_columns : int, default=3
            Panels beside each other in a new figure.
        **lines
            Passed to ``Axes.plot``.

        Returns
        -------
        AnomalyTraceDisplay
        """
        operation = "AnomalyTraceDisplay.plot"
        columns = min(len(self.series), as_integer(n_columns, "n_columns", operation))
        self.axes_ = panels_for(ax, len(self.series), columns, (3.4, 2.4), operation, sharey=True)
        self.ax_ = self.axes_[0]
        self.figure_ = self.ax_.figure
        for i, panel in enumerate(self.axes_):
            given, made = self.series[i], self.reconstructions[i]
            panel.plot(given, **{"color": "tab:blue", "linewidth": 1.2, "label": "input", **lines})
            made_style = {"color": "tab:red", "linewidth": 1.2, "label": "reconstruction"}
            panel.plot(made, **{**made_style, **lines})
            panel.fill_between(range(given.size), given, made, color="lightcoral", alpha=0.5,
                               linewidth=0, label="error")  # fmt: skip
            panel.set_title(self._title(i), fontsize="medium")
            panel.set_xlabel("step")
        self.ax_.set_ylabel("value")
        self.ax_.legend(fontsize="x-small")
        return self

    def _title(self, i: int) -> str:
        name = "" if self.anomalous is None else NAMES[int(self.anomalous[i])]
        score = "" if self.scores is None else f"score {self.scores[i]:.3g}"
        return ", ".join(part for part in (name, score) if part) or f"series {i}"
