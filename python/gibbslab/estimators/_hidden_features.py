"""An RBM's hidden probabilities as features, in scikit-learn's manner."""

from __future__ import annotations

from typing import Any

from sklearn.utils.validation import check_is_fitted

from .._core import DeviceArray
from ..models import RBM
from ._checked_input import CheckedInput
from ._data import by_blocks, output_dtype
from ._features import Features

__all__ = ["HiddenFeatures"]


class HiddenFeatures(Features, CheckedInput):
    """The transformer's part of an estimator of one RBM."""

    model_: RBM

    def _check_goes_on(self, settings: Any, op: str) -> None:
        if settings.n_components != self.model_.h_size:
            raise ValueError(
                f"[{op}] n_components must stay {self.model_.h_size} with warm_start, "
                f"got {settings.n_components}"
            )

    def transform(self, X: Any) -> Any:
        """Hidden probabilities P(h = 1 | v = X).

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Values of the visible units.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            float32 for float32 input, else float64; a `DeviceArray` for input on the device.

        Raises
        ------
        NotFittedError
            Before `fit`.
        TypeError, ValueError
            If `X` has a wrong type, shape or value.
        """
        op = f"{type(self).__name__}.transform"
        check_is_fitted(self)
        X = self._checked(X, op)
        if isinstance(X, DeviceArray):
            return self.model_.hidden_mean(X)
        return by_blocks(X, op, self.model_.hidden_mean, self.model_.h_size, output_dtype(X))
