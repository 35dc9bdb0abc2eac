"""Likelihoods and energies of the estimator: its input checked, its model asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from .._validation import as_seed
from ._checked_input import CheckedInput
from ._data import blocks, by_blocks
from ._learned import LearnedAttributes
from ._scores import stochastic_pseudo_likelihood

__all__ = ["EnergyMeasures", "Measures"]

DoubleArray = npt.NDArray[np.float64]


class EnergyMeasures(LearnedAttributes, CheckedInput):
    """Per-sample measures, in nats; input as for ``fit``."""

    def score_samples(self, X: Any) -> DoubleArray:
        """What `score` is the mean of."""
        raise NotImplementedError

    def score(self, X: Any, y: Any = None) -> float:
        """Mean of `score_samples`, which ``GridSearchCV`` maximises by default.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Values of the visible units.
        y : ignored
            For scikit-learn's interface.

        Returns
        -------
        float
        """
        return float(self.score_samples(X).mean())

    def free_energy(self, X: Any) -> DoubleArray:
        """F(v) = -log sum_h exp(-E(v, h)) of every sample.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Values of the visible units.

        Returns
        -------
        ndarray of shape (n_samples,), float64
            In nats.
        """
        op = f"{type(self).__name__}.free_energy"
        return self._per_sample(X, op, lambda v: self.model_.free_energy(v))

    def log_partition(self) -> float:
        """Exact log Z, in nats; `ValueError` if both layers have more than 25 units."""
        check_is_fitted(self)
        return self.model_.log_partition()

    def log_likelihood(self, X: Any, *, log_z: float | None = None) -> DoubleArray:
        """log p(v) of binary samples.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            0 or 1.
        log_z : float, optional
            Estimate of log Z, for example from `ais`; exact by default, which needs a layer of at
            most 25 units.

        Returns
        -------
        ndarray of shape (n_samples,), float64
            In nats.
        """
        check_is_fitted(self)
        partition = self.model_.log_partition() if log_z is None else float(log_z)
        op = f"{type(self).__name__}.log_likelihood"
        return self._per_sample(X, op, lambda v: self.model_.log_likelihood(v, log_z=partition))

    def reconstruction_error(self, X: Any, *, k: int = 1) -> DoubleArray:
        """Mean square of v - p(v = 1 | h) over the units, after `k` Gibbs sweeps from each sample.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Values of the visible units.
        k : int, default=1
            Sweeps, at least 1.

        Returns
        -------
        ndarray of shape (n_samples,), float64
        """
        op = f"{type(self).__name__}.reconstruction_error"
        return self._per_sample(X, op, lambda v: self.model_.reconstruction_error(v, k=k))

    def ais(self, X: Any = None, **options: Any) -> Any:
        """Estimate log Z by annealed importance sampling; see `gibbslab.metrics.ais`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), optional
            Data for the base-rate model.
        **options
            Of `gibbslab.metrics.ais`.

        Returns
        -------
        AISResult
        """
        check_is_fitted(self)
        if X is None:
            return self.model_.ais(**options)
        checked = self._checked(X, f"{type(self).__name__}.ais")
        dense = np.concatenate([v for _, v in blocks(checked, f"{type(self).__name__}.ais")])
        return self.model_.ais(dense, **options)

    def _per_sample(self, X: Any, op: str, measure: Callable[[Any], DoubleArray]) -> DoubleArray:
        check_is_fitted(self)
        X = self._checked(X, op)
        return by_blocks(X, op, measure)


class Measures(EnergyMeasures):
    """The same, with the pseudo-likelihoods of binary units."""

    random_state: Any

    def score_samples(self, X: Any) -> DoubleArray:
        """Stochastic pseudo-likelihood of every sample, as scikit-learn's.

        V log p(v_i | the other units), with i drawn per sample; its mean over draws is
        `pseudo_likelihood`. A sample's value depends on `random_state` and the sample, not on
        its place in `X`; the same values for dense and sparse input.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Values of the visible units. Binary in principle; grey values v count as 1 - v when
            a unit is flipped.

        Returns
        -------
        ndarray of shape (n_samples,), float64
            In nats, at most 0. The same at every call if `random_state` is an int.

        Raises
        ------
        NotFittedError
            Before ``fit``.
        TypeError, ValueError
            If `X` has a wrong type, shape or value.
        """
        op = f"{type(self).__name__}.score_samples"
        check_is_fitted(self)
        X = self._checked(X, op)
        integer = isinstance(self.random_state, (int, np.integer))
        source = self.random_state if integer else check_random_state(self.random_state)
        return stochastic_pseudo_likelihood(self.model_, X, as_seed(source, op), op)

    def pseudo_likelihood(self, X: Any) -> DoubleArray:
        """Exact pseudo-likelihood sum_i log p(v_i | the other units) of binary samples.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            0 or 1.

        Returns
        -------
        ndarray of shape (n_samples,), float64
            In nats.
        """
        op = f"{type(self).__name__}.pseudo_likelihood"
        return self._per_sample(X, op, lambda v: self.model_.pseudo_likelihood(v))
