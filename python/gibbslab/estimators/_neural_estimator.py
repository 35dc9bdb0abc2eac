"""What the estimators of networks have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from .. import nn
from .._device_arrays import lies_on_device
from ._neural_training import HostRows
from ._row_features import RowFeatures

__all__ = ["NeuralEstimator"]


class NeuralEstimator(RowFeatures):
    """An estimator whose batches are made on the host and copied to where the network computes."""

    _shown: ClassVar[tuple[str, ...]] = ("loss", "validation_loss")

    def _values(self, X: Any, op: str, device: str, n_features: int | None = None) -> Any:
        if lies_on_device(X):
            raise TypeError(
                f"[{op}] X must lie on the host, got an array on a device: batches are made on "
                "the host and copied to where the network computes"
            )
        return super()._values(X, op, device, n_features)

    def _rows(self, X: Any, method: str, width: int | None, of: Callable[[Any], Any]) -> Any:
        with nn.no_grad():
            return super()._rows(X, method, width, of)

    def _dataset(self, X: Any, target: Any, op: str, device: str) -> HostRows:
        return HostRows(X, op)

    def _codes(self, Z: Any, op: str, code_size: int) -> Any:
        """Checked codes, dense or CSR; they are not the features that `fit` saw."""
        checked = self._values(Z, op, self.model_.device)
        if checked.shape[1] != code_size:
            raise ValueError(f"[{op}] Z must have {code_size} columns, got shape {checked.shape}")
        return checked
