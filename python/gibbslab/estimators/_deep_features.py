"""What the estimators of deep networks share: features of the top layer, bounds, in-painting."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

from ._data import blocks, output_dtype
from ._row_features import RowFeatures

__all__ = ["AIS_TEMPERATURES", "MAX_EXACT_UNITS", "DeepFeatures"]

MAX_EXACT_UNITS = 16  # of the smaller side, for log Z by enumeration
AIS_TEMPERATURES = 10_000


class DeepFeatures(RowFeatures):
    """The transformer's and the scorer's part of an estimator of several layers."""

    model_: Any
    _estimated: tuple[int, float]  # a hash of the weights, and the log Z estimated for them

    @property
    def _n_features_out(self) -> int:
        return int(self.model_.layer_sizes[-1])

    def _estimated_once(
        self, parameters: Iterable[npt.NDArray[Any]], estimate: Callable[[], float]
    ) -> float:
        """log Z by `estimate`, kept for as long as the parameters stay the same."""
        key = hash(b"".join(x.tobytes() for x in parameters))
        if getattr(self, "_estimated", (None, 0.0))[0] != key:
            self._estimated = key, estimate()
        return self._estimated[1]

    def _inpainted(self, X: Any, known_mask: npt.ArrayLike, n_steps: int) -> npt.NDArray[Any]:
        op = self._op("inpaint")
        check_is_fitted(self)
        X = self._checked(X, op)
        dense = np.concatenate([np.asarray(v) for _, v in blocks(X, op)])
        states: npt.NDArray[Any] = self.model_.inpaint(dense, known_mask, n_steps)[1]
        return states.astype(output_dtype(X))
