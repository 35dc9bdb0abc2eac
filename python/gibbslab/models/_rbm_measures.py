"""Energies and likelihoods of an RBM."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .._validation import as_batch, as_beta, as_integer, as_random_state, as_real
from ..units import Bernoulli
from ._parameters import RBMParameters

if TYPE_CHECKING:
    from ..metrics import AISResult

DoubleArray = npt.NDArray[np.float64]


class RBMMeasures(RBMParameters):
    """Energies, exact and approximate likelihoods."""

    def energy(self, v: npt.ArrayLike, h: npt.ArrayLike, *, beta: float = 1.0) -> DoubleArray:
        """beta E(v, h) = -beta (v W h + a v + b h), in nats.

        Parameters
        ----------
        v : array_like of shape (n, V)
            Visible states.
        h : array_like of shape (n, H)
            Hidden states, row by row with `v`.
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
        op = "RBM.energy"
        visible = as_batch(v, "v", op, self.v_size, device=self.device)
        hidden = as_batch(h, "h", op, self.h_size, device=self.device)
        if len(hidden) != len(visible):
            raise ValueError(
                f"[{op}] h must have as many rows as v, {len(visible)}, got {len(hidden)}"
            )
        return self._rbm.energy(visible, hidden, as_beta(beta, op))

    def free_energy(self, v: npt.ArrayLike, *, beta: float = 1.0) -> DoubleArray:
        """F(v) = -log sum_h exp(-beta E(v, h)), in nats.

        Parameters
        ----------
        v : array_like of shape (n, V)
            Visible states.
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
        op = "RBM.free_energy"
        return self._rbm.free_energy(self._visible_batch(v, "v", op), as_beta(beta, op))

    def _visible_batch(self, v: npt.ArrayLike, name: str, op: str) -> Any:
        """A batch of visible units, grey values too where they have a free energy."""
        return as_batch(v, name, op, self.v_size, device=self.device)

    def _visible_states(self, v: npt.ArrayLike, name: str, op: str) -> Any:
        """A batch of visible states, refusing what is none."""
        return as_batch(v, name, op, self.v_size, binary=True, device=self.device)

    def log_partition(self, *, beta: float = 1.0) -> float:
        """Exact log Z, in nats, by enumerating the smaller layer in float64.

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
            If both layers have more than 25 units: estimate with `ais` then.
        """
        return float(self._rbm.log_partition(as_beta(beta, "RBM.log_partition")))

    def log_likelihood(
        self, v: npt.ArrayLike, *, log_z: float | None = None, beta: float = 1.0
    ) -> DoubleArray:
        """log p(v) = -F(v) - log Z of every sample, in nats.

        Parameters
        ----------
        v : array_like of shape (n, V)
            Visible states, 0 or 1.
        log_z : float, optional
            The log partition function at `beta`, for example an estimate of `ais`. By default it
            is computed exactly, which needs a layer of at most 25 units.
        beta : float, default=1.0
            Inverse temperature, at least 0.

        Returns
        -------
        ndarray of shape (n,), float64

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type, shape or value, or the model is too large.
        """
        op = "RBM.log_likelihood"
        visible = self._visible_states(v, "v", op)
        temperature = as_beta(beta, op)
        given = None if log_z is None else as_real(log_z, "log_z", op, minimum=-math.inf)
        partition = self._rbm.log_partition(temperature) if given is None else given
        return -self._rbm.free_energy(visible, temperature) - partition

    def pseudo_likelihood(
        self,
        v: npt.ArrayLike,
        *,
        method: str = "exact",
        random_state: int | np.random.RandomState | np.random.Generator | None = None,
        beta: float = 1.0,
    ) -> DoubleArray:
        """sum_i log p(v_i | the other visible units) of every sample, in nats.

        Parameters
        ----------
        v : array_like of shape (n, V)
            Visible states, 0 or 1; the stochastic method takes grey values too.
        method : {"exact", "stochastic"}, default="exact"
            All units, or one random unit per sample times V, whose expectation is the exact
            value. The latter is scikit-learn's ``BernoulliRBM.score_samples``, draw for draw.
        random_state : int, RandomState, Generator or None, default=None
            For the stochastic method.
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
        op = "RBM.pseudo_likelihood"
        if method not in ("exact", "stochastic"):
            raise ValueError(f"[{op}] method must be 'exact' or 'stochastic', got {method!r}")
        visible = as_batch(v, "v", op, self.v_size, binary=method == "exact", device=self.device)
        temperature = as_beta(beta, op)
        if method == "exact":
            return self._rbm.pseudo_likelihood(visible, temperature)
        unit = as_random_state(random_state, op).randint(0, self.v_size, len(visible))
        visible = np.asarray(visible)  # the draws are NumPy's, and so are the flips
        flipped = visible.copy()
        at = np.arange(len(visible)), unit
        flipped[at] = 1 - flipped[at]
        rise = self._rbm.free_energy(flipped, temperature)
        rise -= self._rbm.free_energy(visible, temperature)
        return -self.v_size * np.logaddexp(0, -rise)

    def reconstruction_error(
        self, v: npt.ArrayLike, *, k: int = 1, beta: float = 1.0
    ) -> DoubleArray:
        """Mean square of v - v_prob over the units, v_prob from `k` Gibbs sweeps from v.

        Parameters
        ----------
        v : array_like of shape (n, V)
            Visible states; grey values enter as they are.
        k : int, default=1
            Sweeps, at least 1.
        beta : float, default=1.0
            Inverse temperature, at least 0.

        Returns
        -------
        ndarray of shape (n,), float64
            Per sample, in 0 ... 1 for v in [0, 1].

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type, shape or value.
        """
        op = "RBM.reconstruction_error"
        visible = as_batch(v, "v", op, self.v_size, device=self.device)
        steps = as_integer(k, "k", op)
        v_prob = self._rbm.gibbs(visible, False, steps, as_beta(beta, op))[2]
        return np.square(np.asarray(visible) - np.asarray(v_prob)).mean(axis=1, dtype=np.float64)

    def _ais_run(
        self, base: Any, betas: list[float], n_chains: int, start: Any, seed: int
    ) -> _core.AIS | _core.units.UnitAIS:
        """A run of annealed importance sampling on a copy of the model."""
        return _core.AIS(self._rbm, base, betas, n_chains, start, seed)

    def _base_biases(self, means: DoubleArray) -> DoubleArray:
        """Visible biases of independent units with about these means."""
        return Bernoulli().bias_for(means)

    def _at_temperature(self, beta: float) -> Any:
        """An independent copy whose energies are `beta` times those of this model."""
        out = copy.copy(self)
        out.W, out.v_bias, out.h_bias = beta * self.W, beta * self.v_bias, beta * self.h_bias
        return out

    def ais(self, X: npt.ArrayLike | None = None, **options: Any) -> AISResult:
        """Estimate log Z by annealed importance sampling.

        Parameters
        ----------
        X : array_like of shape (n, V), optional
            Data for the base-rate model.
        **options
            Further arguments of `gibbslab.metrics.ais`, whose errors these are too.

        Returns
        -------
        gibbslab.metrics.AISResult
        """
        from ..metrics import ais

        return ais(self, X, **options)
