"""Input as scikit-learn checks it, with nothing changed before all of it is good."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from .._device_arrays import lies_on_device, shape_of
from .._validation import as_batch
from ._data import value_range

__all__ = ["CheckedInput"]


def _check_float32(X: Any, op: str) -> None:
    """Refuse finite numbers that the core, which computes in float32, would take for infinite."""
    values = X.data if sp.issparse(X) else X
    if values.dtype.kind != "f" or values.dtype.itemsize <= 4 or values.size == 0:
        return
    if max(values.max(), -values.min()) > np.finfo(np.float32).max:
        raise ValueError(f"[{op}] X must be finite in float32, got values beyond its range")


def _device_values(X: Any, op: str, device: str) -> Any:
    shape = shape_of(X)
    if len(shape) != 2:
        raise ValueError(f"[{op}] X must have 2 dimensions, got shape {shape}")
    return as_batch(X, "X", op, shape[1], device=device)


class CheckedInput:
    """The checks of the estimator's data arguments."""

    sample_input: bool
    model_: Any

    def _values(self, X: Any, op: str, device: str, n_features: int | None = None) -> Any:
        """Checked numbers, dense or CSR, or on the model's device; changes nothing.

        `n_features` is that of the training data, where these are validation data.
        """
        if lies_on_device(X):
            out = _device_values(X, op, device)
        else:
            out = check_array(
                X, accept_sparse="csr", dtype="numeric", estimator=self, input_name="X"
            )
            _check_float32(out, op)
        if n_features is not None and out.shape[1] != n_features:
            raise ValueError(
                f"[{op}] validation_data must have {n_features} features, got {out.shape[1]}"
            )
        return out

    @property
    def _unit_interval_with(self) -> str:
        """The parameter because of which training data must lie in [0, 1]; or nothing."""
        return "sample_input" if self.sample_input else ""

    def _training_input(self, X: Any, op: str, device: str) -> Any:
        checked = self._values(X, op, device)
        reason = self._unit_interval_with
        if not reason:
            return checked
        lowest, highest = value_range(checked)
        if not (lowest >= 0 and highest <= 1):
            raise ValueError(
                f"[{op}] X must lie in [0, 1] with {reason}, got values from "
                f"{lowest:g} to {highest:g}"
            )
        return checked

    def _remember(self, X: Any, *, reset: bool) -> None:
        """Check names and number of features against ``fit``'s, or note them."""
        if lies_on_device(X):
            X = np.broadcast_to(np.float32(0), shape_of(X))  # no names, and the same shape
        validate_data(self, X, reset=reset, skip_check_array=True)

    def _checked(self, X: Any, op: str) -> Any:
        out = self._values(X, op, self.model_.device)
        self._remember(X, reset=False)
        return out
