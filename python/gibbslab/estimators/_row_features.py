"""Features and scores of rows, in scikit-learn's manner."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

from ._data import by_blocks, output_dtype
from ._features import Features
from ._fitting import TrainedEstimator

__all__ = ["RowFeatures"]


class RowFeatures(Features, TrainedEstimator):
    """The transformer's and the scorer's part of an estimator that computes row by row."""

    def _rows(self, X: Any, method: str, width: int | None, of: Callable[[Any], Any]) -> Any:
        """`of` of every block of checked rows, put together."""
        op = self._op(method)
        check_is_fitted(self)
        X = self._checked(X, op)
        return by_blocks(X, op, of, width, np.float64 if width is None else output_dtype(X))

    def score_samples(self, X: Any) -> npt.NDArray[np.float64]:
        """What `score` is the mean of."""
        raise NotImplementedError

    def score(self, X: Any, y: Any = None) -> float:
        """Mean of `score_samples`, which ``GridSearchCV`` maximises by default."""
        return float(self.score_samples(X).mean())
