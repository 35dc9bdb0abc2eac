"""Scores of anomaly detectors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from ._matplotlib import axes_for, require_matplotlib

NAMES = ("normal", "anomalous")


def outliers(y: ArrayLike | None) -> NDArray[np.bool_] | None:
    """Where labels of scikit-learn's outlier detectors, 1 and -1, say -1."""
    return None if y is None else np.asarray(y) == -1


def as_flags(anomalous: ArrayLike, n: int, operation: str) -> NDArray[np.bool_]:
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
            None if anomalous is None else as_flags(anomalous, len(self.scores), operation)
        )
        self.threshold = threshold

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        ax: Any = None,
        **kwargs: Any,
    ) -> AnomalyHistogramDisplay:
        """Score data and draw minus the scores, with minus the detector's offset as threshold.

        Parameters
        ----------
        estimator : fitted gibbslab.AnomalyDetector
            Or another outlier detector in scikit-learn's manner, with `score_samples` and
            `offset_`.
        X : array of shape (n, n_features)
        y : array of shape (n,), optional
            1 for inliers, -1 for outliers.
        ax, **kwargs
            As in `plot`.

        Returns
        -------
        AnomalyHistogramDisplay
        """
        require_matplotlib("AnomalyHistogramDisplay.from_estimator")
        check_is_fitted(estimator, "offset_")
        scores = -estimator.score_samples(X)
        display = cls(scores, outliers(y), threshold=-float(estimator.offset_))
        return display.plot(ax=ax, **kwargs)

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
