"""What classifiers have in common: labels of any kind, and the probabilities of all of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from ._data import blocks
from ._fitting import TrainedEstimator
from ._labels import Labels, as_labels

__all__ = ["Classifier"]


class Classifier(ClassifierMixin, TrainedEstimator):
    """A classifier whose `model_` has ``log_proba``; its labels are places in `classes_`."""

    classes_: npt.NDArray[Any]

    def _target(self, y: Any, X: Any, op: str, goes_on: bool) -> Labels:
        return as_labels(y, X, op, self.classes_ if goes_on else None)

    def _remember_target(self, target: Labels, settings: Any) -> None:
        self.classes_ = target.classes

    def _validation(
        self, validation_data: Any, target: Labels, op: str, device: str, n_features: int
    ) -> tuple[Any, Labels]:
        if not isinstance(validation_data, (tuple, list)) or len(validation_data) != 2:
            raise TypeError(f"[{op}] validation_data must be a pair of X and y")
        rows = self._values(validation_data[0], op, device, n_features)
        return rows, as_labels(validation_data[1], rows, op, target.classes)

    def predict_log_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """log p(y | x) of every label, exact.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Features.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
            In nats, in the order of `classes_`.

        Raises
        ------
        NotFittedError
            Before `fit`.
        TypeError, ValueError
            If `X` has a wrong type, shape or value.
        """
        op = self._op("predict")
        check_is_fitted(self)
        X = self._checked(X, op)
        return np.concatenate([self.model_.log_proba(v) for _, v in blocks(X, op)])

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """p(y | x) of every label; see `predict_log_proba`."""
        return np.exp(self.predict_log_proba(X))

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The most probable label of every sample; see `predict_log_proba`."""
        best = self.predict_log_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
