"""Scores of anomaly detectors, and the series behind them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._validation import as_integer
from ._matplotlib import axes_for, panels_for

NAMES = ("normal", "anomalous")


def _flags(anomalous: ArrayLike, n: int, operation: str) -> NDArray[np.bool_]:
    flags = np.asarray(anomalous)
    if flags.shape != (n,) or flags.dtype.kind not in "bui" or not np.isin(flags, (0, 1)).all():
        raise ValueError(
            f"[{operation}] anomalous must be {n} booleans, got shape {flags.shape} of dtype "
            f"{flags.dtype}"
        )
    return flags.astype(bool)


class AnomalyHistogramDisplay:
    """Scores of normal and anomalous samples, and the threshold between them.

    Parameters
    ----------
    scores : array of shape (n,)
        Such as reconstruction errors: what is above the threshold counts as anomalous.
    anomalous : bool array of shape (n,), optional
        The truth.
    threshold : float, optional

    Attributes
    ----------
    ax_, figure_ : Axes and Figure drawn on.
    bars_ : dict of str to BarContainer

    Raises
    ------
    ValueError
        If arrays have other shapes, or hold NaN.
    """

    def __init__(
        self,
        scores: ArrayLike,
        anomalous: ArrayLike | None = None,
        *,
        threshold: float | None = None,
    ) -> None:
        operation = "AnomalyHistogramDisplay"
        self.scores = np.asarray(scores, dtype=np.float64)
        if self.scores.ndim != 1 or not self.scores.size or not np.isfinite(self.scores).all():
            raise ValueError(
                f"[{operation}] scores must be finite and of shape (n,), got {self.scores.shape}"
            )
        self.anomalous = (
            None if anomalous is None else _flags(anomalous, len(self.scores), operation)
        )
        self.threshold = threshold

    def plot(self, *, ax: Any = None, **hist: Any) -> AnomalyHistogramDisplay:
        """Draw.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; default a new figure.
        **hist
            Passed to ``Axes.hist``.

        Returns
        -------
        AnomalyHistogramDisplay
        """
        self.ax_ = axes_for(ax, (6.0, 3.6), "AnomalyHistogramDisplay.plot")
        self.figure_ = self.ax_.figure
        edges = np.histogram_bin_edges(self.scores, hist.pop("bins", 50))
        self.bars_ = {}
        for name, some in self._groups().items():
            options = {"bins": edges, "alpha": 0.6, "label": f"{name}, {some.size}", **hist}
            self.bars_[name] = self.ax_.hist(some, **options)[2]
        if self.threshold is not None:
            above = np.mean(self.scores > self.threshold)
            label = f"threshold {self.threshold:.3g}, {above:.0%} above"
            self.ax_.axvline(self.threshold, color="k", linestyle="--", linewidth=1, label=label)
        self.ax_.set(title=self._title(), xlabel="anomaly score", ylabel="samples")
        self.ax_.legend(fontsize="small")
        return self

    def _groups(self) -> dict[str, NDArray[np.float64]]:
        if self.anomalous is None:
            return {"all": self.scores}
        return dict(zip(NAMES, (self.scores[~self.anomalous], self.scores[self.anomalous])))

    def _title(self) -> str:
        if self.anomalous is None or self.threshold is None or not self.anomalous.any():
            return "Anomaly scores"
        found = self.scores > self.threshold
        recall = found[self.anomalous].mean()
        precision = self.anomalous[found].mean() if found.any() else float("nan")
        return f"Anomaly scores: recall {recall:.1%}, precision {precision:.1%}"


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
        self.anomalous = None if anomalous is None else _flags(anomalous, n, operation)
        self.scores = None if scores is None else np.asarray(scores, np.float64)
        if self.scores is not None and self.scores.shape != (n,):
            raise ValueError(
                f"[{operation}] scores must have shape ({n},), got {self.scores.shape}"
            )
        if not (np.isfinite(self.series).all() and np.isfinite(self.reconstructions).all()):
            raise ValueError(f"[{operation}] series and reconstructions must be finite")

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
        self.ax_.legend(fontsize="x-small")
        return self

    def _title(self, i: int) -> str:
        name = "" if self.anomalous is None else NAMES[int(self.anomalous[i])]
        score = "" if self.scores is None else f"score {self.scores[i]:.3g}"
        return ", ".join(part for part in (name, score) if part) or f"series {i}"
