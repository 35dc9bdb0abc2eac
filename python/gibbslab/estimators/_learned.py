"""What ``fit`` leaves behind, as attributes that end in an underscore."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

from .._validation import as_parameter
from ..models import RBM, TemperingReport
from ._rbm_training import RBMTraining

__all__ = ["LearnedAttributes"]

Array = npt.NDArray[Any]


class LearnedAttributes:
    """The learned parameters under scikit-learn's names. They live in `model_` alone."""

    model_: RBM
    _training: RBMTraining
    _dtype: np.dtype[Any]

    @property
    def _n_features_out(self) -> int:
        return self.model_.h_size

    def _read(self, array: npt.ArrayLike) -> Array:
        out = np.array(array, dtype=self._dtype, order="K")
        # Writing into a copy would silently change nothing; better an error.
        out.flags.writeable = False
        return out

    @property
    def components_(self) -> Array:
        """Weights, (n_components, n_features); a read-only copy, assignable."""
        check_is_fitted(self)
        return self._read(self.model_.W.T)

    @components_.setter
    def components_(self, value: npt.ArrayLike) -> None:
        check_is_fitted(self)
        shape = self.model_.h_size, self.model_.v_size
        self.model_.W = as_parameter(value, "components_", type(self).__name__, shape).T

    @property
    def intercept_hidden_(self) -> Array:
        """Hidden biases, (n_components,); a read-only copy, assignable."""
        check_is_fitted(self)
        return self._read(self.model_.h_bias)

    @intercept_hidden_.setter
    def intercept_hidden_(self, value: npt.ArrayLike) -> None:
        check_is_fitted(self)
        shape = (self.model_.h_size,)
        self.model_.h_bias = as_parameter(value, "intercept_hidden_", type(self).__name__, shape)

    @property
    def intercept_visible_(self) -> Array:
        """Visible biases, (n_features,); a read-only copy, assignable."""
        check_is_fitted(self)
        return self._read(self.model_.v_bias)

    @intercept_visible_.setter
    def intercept_visible_(self, value: npt.ArrayLike) -> None:
        check_is_fitted(self)
        shape = (self.model_.v_size,)
        self.model_.v_bias = as_parameter(value, "intercept_visible_", type(self).__name__, shape)

    @property
    def h_samples_(self) -> Array:
        """Persistent chains, (n_chains, n_components), 0 or 1; a read-only copy, assignable."""
        check_is_fitted(self)
        chains = self._training.chains
        if chains is None:
            raise AttributeError("h_samples_ exists only with method='pcd' or 'pt'")
        return self._read(chains)

    @h_samples_.setter
    def h_samples_(self, value: npt.ArrayLike) -> None:
        check_is_fitted(self)
        self._training.chains = value

    @property
    def tempering_(self) -> TemperingReport:
        """How parallel tempering goes; only with ``method="pt"`` and several temperatures."""
        check_is_fitted(self)
        report: TemperingReport | None = self._training.tempering
        if report is None:
            raise AttributeError("tempering_ exists only with method='pt' and n_temperatures > 1")
        return report
