"""Energies, likelihoods and bounds of a deep Boltzmann machine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy.special import entr

from .. import _core
from .._validation import as_batch, as_beta, as_real
from ._dbm_sampling import DBMSampling, MeanField

if TYPE_CHECKING:
    from ..metrics import AISBounds, AISResult

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]


class DBMMeasures(DBMSampling):
    """Energies, exact likelihoods of small models, variational bounds, AIS."""

    def energy(self, states: Sequence[npt.ArrayLike], *, beta: float = 1.0) -> DoubleArray:
        """beta E(x) = -beta (sum_l x_l W_l x_{l+1} + sum_l b_l x_l), in nats.

        Parameters
        ----------
        states : sequence of array_like of shape (n, N_l)
            All layers, the visible one first.
        beta : float, default=1.0
            Inverse temperature, at least 0.

        Returns
        -------
        ndarray of shape (n,), float64

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type, shape or value.
        """
        op = "DBM.energy"
        return self._dbm.energy(self._layers(states, op), as_beta(beta, op))

    def log_partition(self, *, beta: float = 1.0) -> float:
        """Exact log Z, in nats, by enumerating the even or the odd layers in float64.

        Parameters
        ----------
        beta : float, default=1.0
            Inverse temperature, at least 0.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If the even layers and the odd layers have more than 25 units each: estimate with
            `ais_bounds` then.
        """
        return float(self._dbm.stacked().log_partition(as_beta(beta, "DBM.log_partition")))

    def log_likelihood(
        self, v: npt.ArrayLike, *, log_z: float | None = None, beta: float = 1.0
    ) -> DoubleArray:
        """Exact log p(v) of every sample, in nats, by enumerating hidden layers row by row.

        Parameters
        ----------
        v : array_like of shape (n, V)
            Visible states, 0 or 1.
        log_z : float, optional
            The log partition function at `beta`. By default it is computed exactly.
        beta : float, default=1.0
            Inverse temperature, at least 0.

        Returns
        -------
        ndarray of shape (n,), float64

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type, shape or value, or the model is too large: use
            `log_likelihood_bound` then.
        """
        op = "DBM.log_likelihood"
        visible = as_batch(v, "v", op, self.v_size, binary=True)
        temperature = as_beta(beta, op)
        given = None if log_z is None else as_real(log_z, "log_z", op, minimum=-math.inf)
        partition = self.log_partition(beta=temperature) if given is None else given
        # Given v, the hidden layers are an RBM of their own, with v's input in the odd biases.
        whole, V = self.stacked(), self.v_size
        rest = _core.RBM(whole.v_size - V, whole.h_size, 0, self.n_threads or 0, self.device)
        rest.W, rest.v_bias = np.ascontiguousarray(whole.W[V:]), whole.v_bias[V:]
        inputs = whole.h_bias + visible.astype(np.float64) @ whole.W[:V].astype(np.float64)
        own = temperature * (visible.astype(np.float64) @ whole.v_bias[:V].astype(np.float64))
        for row, bias in enumerate(inputs.astype(np.float32)):
            rest.h_bias = bias
            own[row] += rest.log_partition(temperature)
        return own - partition

    def log_likelihood_bound(
        self, v: npt.ArrayLike, *, log_z: float | None = None, beta: float = 1.0, **options: Any
    ) -> DoubleArray:
        """Variational lower bound on log p(v) of every sample, in nats.

        The mean-field means of the even hidden layers are taken as they are and the odd layers
        are summed out exactly: log p(v) >= -F(v, mu_even) + H(mu_even) - log Z.

        Parameters
        ----------
        v : array_like of shape (n, V)
            Visible states, 0 or 1.
        log_z : float, optional
            The log partition function at `beta`, for example an estimate of `ais`; exact by
            default, for small models.
        beta : float, default=1.0
            Inverse temperature, at least 0.
        **options
            max_iterations and tolerance of `infer`.

        Returns
        -------
        ndarray of shape (n,), float64

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type, shape or value, or the model is too large and no
            `log_z` is given.
        """
        op = "DBM.log_likelihood_bound"
        visible = as_batch(v, "v", op, self.v_size, binary=True)
        temperature = as_beta(beta, op)
        given = None if log_z is None else as_real(log_z, "log_z", op, minimum=-math.inf)
        partition = self.log_partition(beta=temperature) if given is None else given
        field = self.infer(visible, beta=temperature, **options)
        return self.bound_of(visible, field, beta=temperature) - partition

    def bound_of(self, v: npt.ArrayLike, posterior: MeanField, *, beta: float = 1.0) -> DoubleArray:
        """-F(v, mu_even) + H(mu_even): the bound of a posterior but for log Z; (n,) in nats."""
        visible = as_batch(v, "v", "DBM.bound_of", self.v_size)
        even = posterior.means[1::2]
        stacked = np.concatenate([visible, *even], axis=1)
        bound = -self._dbm.stacked().free_energy(stacked, as_beta(beta, "DBM.bound_of"))
        for mean in even:
            p = mean.astype(np.float64)
            bound += (entr(p) + entr(1.0 - p)).sum(axis=1)
        return bound

    def reconstruction_error(self, v: npt.ArrayLike, *, beta: float = 1.0) -> DoubleArray:
        """Mean square of v minus `reconstruct(v)` over the units, per sample; (n,), float64."""
        visible = as_batch(v, "v", "DBM.reconstruction_error", self.v_size)
        return np.square(visible - self.reconstruct(visible, beta=beta)).mean(axis=1, dtype=float)

    def ais(
        self, X: npt.ArrayLike | None = None, *, beta: float = 1.0, **options: Any
    ) -> AISResult:
        """Estimate log Z by annealed importance sampling, the odd layers summed out.

        (Salakhutdinov and Murray 2008; Salakhutdinov and Hinton 2009, section 2.4.) It is the AIS
        of `stacked`: its chains run in all even layers, from independent units with the rates of
        the data and of their mean-field posteriors.

        Parameters
        ----------
        X : array_like of shape (n, V), optional
            Data for the base rates, and for where the Gibbs chains of a reverse run start. By
            default both are fair coins.
        beta : float, default=1.0
            Inverse temperature of the model whose log Z is wanted, at least 0.
        **options
            Further arguments of `gibbslab.metrics.ais`, whose errors these are too. `start` and
            `base` have the even layers side by side.

        Returns
        -------
        gibbslab.metrics.AISResult
        """
        from ..metrics import ais

        return ais(self.stacked(), self._stacked_data(X, "DBM.ais"), beta=beta, **options)

    def ais_bounds(
        self, X: npt.ArrayLike | None = None, *, beta: float = 1.0, **options: Any
    ) -> AISBounds:
        """Forward and reverse AIS; see `ais`, and `gibbslab.metrics.ais_bounds` for the options.

        Returns
        -------
        gibbslab.metrics.AISBounds

        Warns
        -----
        AISDisagreementWarning
            If the two intervals do not overlap, or one is unbounded.
        """
        from ..metrics import ais_bounds

        data = self._stacked_data(X, "DBM.ais_bounds")
        return ais_bounds(self.stacked(), data, beta=beta, **options)

    def _stacked_data(self, X: Any, op: str) -> FloatArray | None:
        """The data beside the posterior means of the even hidden layers."""
        if X is None:
            return None
        visible = as_batch(X, "X", op, self.v_size)
        return np.concatenate([visible, *self.infer(visible).means[1::2]], axis=1)
