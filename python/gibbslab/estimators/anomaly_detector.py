"""Outliers by how badly a model of normal data accounts for them, in scikit-learn's manner."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, OutlierMixin, clone
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from .._validation import as_real
from ._fitting import Saved
from ._settings import as_choice, as_fraction
from .autoencoder import Autoencoder

__all__ = ["AnomalyDetector"]

DoubleArray = npt.NDArray[np.float64]


class AnomalyDetector(Saved, OutlierMixin, BaseEstimator):
    """Tells outliers by a model of normal data, and a threshold from its training errors.

    The score of a sample is what the model's `score_samples` gives, for an `Autoencoder` minus the
    reconstruction error; below `offset_` it is an outlier. Fit it on normal data.

    For ROC and precision-recall curves give scikit-learn's displays the decision function:
    ``RocCurveDisplay.from_predictions(y, detector.decision_function(X))`` with y = 1 for inliers,
    -1 for outliers; ``PrecisionRecallDisplay.from_predictions(y, -detector.decision_function(X),
    pos_label=-1)`` for finding outliers.

    Parameters
    ----------
    estimator : estimator with `score_samples`, or None, default=None
        The model: any of this package; None for ``Autoencoder()``. A copy of it is fitted, which
        goes on from where it stands if its ``warm_start`` says so.
    threshold : {"quantile", "deviation"} or float, default="quantile"
        `offset_` is the quantile `contamination` of the training data's scores, linearly
        interpolated; or their mean less `n_deviations` of their standard deviations; or minus the
        number, which is an error then.
    contamination : float, default=0.05
        Share of the training data, in [0, 1), that "quantile" lets be outliers.
    n_deviations : float, default=1.0
        With "deviation": at least 0.

    Attributes
    ----------
    estimator_ : estimator
        The fitted model.
    offset_ : float
        The threshold of the scores.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where `X` has some.

    References
    ----------
    Hawkins et al. (2002), Outlier detection using replicator neural networks.

    Examples
    --------
    >>> import numpy as np
    >>> from gibbslab import AnomalyDetector, Autoencoder
    >>> t = np.random.default_rng(0).random((200, 1))
    >>> normal = np.hstack([t, 1 - t, t])
    >>> model = Autoencoder((2,), activation="tanh", n_iter=200, random_state=0, n_threads=1)
    >>> AnomalyDetector(model).fit(normal).predict([[0.5, 0.5, 0.5], [1, 1, 0]])
    array([ 1, -1])
    """

    def __init__(
        self,
        estimator: Any = None,
        *,
        threshold: str | float = "quantile",
        contamination: float = 0.05,
        n_deviations: float = 1.0,
    ) -> None:
        self.estimator = estimator
        self.threshold = threshold
        self.contamination = contamination
        self.n_deviations = n_deviations

    def fit(self, X: Any, y: Any = None, **fit_params: Any) -> AnomalyDetector:
        """Fit the model, and set the threshold.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Normal data.
        y : ignored
            For scikit-learn's interface.
        **fit_params
            Of the model's ``fit``, for example ``validation_data``.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError, DivergenceError
            As the model's ``fit``. `estimator_` is what has been reached then; `calibrate` makes
            the detector usable, as after Ctrl-C.
        """
        self._check_rule("AnomalyDetector.fit")
        model = self._model()
        self.__dict__.pop("offset_", None)
        self.estimator_ = model
        model.fit(X, **fit_params)
        return self.calibrate(X)

    def _model(self) -> Any:
        """A model to fit: the one there is, with warm_start, or a new one."""
        model = Autoencoder() if self.estimator is None else self.estimator
        if not hasattr(model, "score_samples"):
            raise TypeError(
                f"[AnomalyDetector.fit] estimator must have score_samples, got {model!r}"
            )
        now: Any = getattr(self, "estimator_", None)
        if getattr(model, "warm_start", False) and type(now) is type(model):
            return now.set_params(**model.get_params(deep=False))
        return clone(model)

    def _check_rule(self, op: str) -> None:
        if isinstance(self.threshold, str):
            as_choice(self.threshold, "threshold", op, ("quantile", "deviation"))
        else:
            as_real(self.threshold, "threshold", op, minimum=-np.inf)
        as_fraction(self.contamination, "contamination", op)
        as_real(self.n_deviations, "n_deviations", op)

    def calibrate(self, X: Any) -> AnomalyDetector:
        """Set the threshold by rows of normal data, without training.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Normal data; held-out rows give the wanted share of false alarms more closely than
            those that the model was trained on.

        Returns
        -------
        self
        """
        self._check_rule("AnomalyDetector.calibrate")
        scores = self.score_samples(X)
        if self.threshold == "quantile":
            self.offset_ = float(np.percentile(scores, 100 * self.contamination))
        elif self.threshold == "deviation":
            self.offset_ = float(scores.mean() - self.n_deviations * scores.std())
        else:
            self.offset_ = -float(self.threshold)
        return self

    def score_samples(self, X: Any) -> DoubleArray:
        """The model's score of every sample; the higher, the more normal.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,), float64
        """
        check_is_fitted(self, "estimator_")
        scores: DoubleArray = self.estimator_.score_samples(X)
        return scores

    def decision_function(self, X: Any) -> DoubleArray:
        """`score_samples` less `offset_`: negative for outliers.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,), float64
        """
        check_is_fitted(self, "offset_")
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> npt.NDArray[np.int64]:
        """1 for inliers, -1 for outliers.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,), int
        """
        return np.where(self.decision_function(X) < 0, -1, 1)

    @property
    def n_features_in_(self) -> int:
        """Number of features."""
        return int(self._of_model("n_features_in_"))

    @property
    def feature_names_in_(self) -> npt.NDArray[Any]:
        """Names of the features, where there are some."""
        names: npt.NDArray[Any] = self._of_model("feature_names_in_")
        return names

    def _of_model(self, name: str) -> Any:
        if "estimator_" not in vars(self):
            raise AttributeError(f"{name} is known after fit")
        return getattr(self.estimator_, name)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        model = Autoencoder() if self.estimator is None else self.estimator
        tags.input_tags.sparse = get_tags(model).input_tags.sparse
        return tags
