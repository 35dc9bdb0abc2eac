"""The posterior, Gibbs chains and in-painting of a deep Boltzmann machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .._validation import as_batch, as_beta, as_integer, as_mask, as_real
from ._dbm_parameters import DBMParameters

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]


class MeanField(NamedTuple):
    """A factorial posterior of the hidden layers.

    Attributes
    ----------
    means : tuple of ndarray of shape (n, N_l), float32
        Probabilities of the hidden units, the first hidden layer's first.
    iterations : int
        Fixed-point iterations made.
    changes : ndarray of shape (n,), float64
        The largest change of each row's means in the last of them.
    converged : bool
        Whether all changes are below the tolerance.
    """

    means: tuple[FloatArray, ...]
    iterations: int
    changes: DoubleArray
    converged: bool


class DBMSampling(DBMParameters):
    """Mean field, and Gibbs chains through all layers from anywhere."""

    mean_field_iterations: int
    mean_field_tolerance: float

    def infer(
        self,
        v: npt.ArrayLike,
        *,
        max_iterations: int | None = None,
        tolerance: float | None = None,
        beta: float = 1.0,
    ) -> MeanField:
        """The mean-field posterior of the hidden layers (Salakhutdinov and Hinton 2009, eq. 6, 7).

        Iterates mu_l = sigmoid(beta (mu_{l-1} W_{l-1} + mu_{l+1} W_l^T + b_l)), mu_0 = v, odd
        layers and even layers in turn, from a pass from the bottom up with doubled inputs. With a
        tolerance, the even layers are extrapolated between iterations (Anderson 1965, from two of
        them), which leads to the same means in fewer.

        Parameters
        ----------
        v : array_like of shape (n, V)
            Visible states; grey values enter as they are.
        max_iterations : int, optional
            Iterations at most, at least 1; `mean_field_iterations` by default.
        tolerance : float, optional
            A row stops when none of its means changes by more in an iteration; with 0 all
            iterations are run, and nothing is extrapolated. `mean_field_tolerance` by default.
        beta : float, default=1.0
            Inverse temperature, at least 0.

        Returns
        -------
        MeanField
            means, iterations, changes, converged.

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type, shape or value.
        """
        op = "DBM.infer"
        most = self.mean_field_iterations if max_iterations is None else max_iterations
        limit = self.mean_field_tolerance if tolerance is None else tolerance
        limit = as_real(limit, "tolerance", op)
        means, iterations, changes = self._dbm.infer(
            as_batch(v, "v", op, self.v_size),
            as_integer(most, "max_iterations", op),
            limit,
            as_beta(beta, op),
        )
        return MeanField(tuple(means), iterations, changes, bool((changes < limit).all()))

    def reconstruct(self, v: npt.ArrayLike, *, beta: float = 1.0) -> FloatArray:
        """Visible means given the mean-field posterior of v.

        Parameters
        ----------
        v : array_like of shape (n, V)
            Visible states; grey values enter as they are.
        beta : float, default=1.0
            Inverse temperature, at least 0.

        Returns
        -------
        ndarray of shape (n, V), float32
            Probabilities.

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type, shape or value.
        """
        return self.visible_mean(self.infer(v, beta=beta), beta=beta)

    def visible_mean(self, posterior: MeanField, *, beta: float = 1.0) -> FloatArray:
        """Visible means given the means of the first hidden layer; (n, V)."""
        above = posterior.means
        nothing = np.zeros((len(above[0]), self.v_size), np.float32)
        return self.layer_mean([nothing, *above], 0, beta=beta)

    def layer_mean(
        self, states: Sequence[npt.ArrayLike], layer: int, *, beta: float = 1.0
    ) -> FloatArray:
        """p(x_l = 1 | the layers next to it).

        Parameters
        ----------
        states : sequence of array_like of shape (n, N_l)
            All layers, the visible one first; only the neighbours of `layer` are read.
        layer : int
            l, 0 for the visible layer.
        beta : float, default=1.0
            Inverse temperature, at least 0.

        Returns
        -------
        ndarray of shape (n, N_l), float32

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type, shape or value.
        """
        draws = self.draws  # the sample is not wanted: the stream goes back to where it was
        mean, _ = self._layer_step(states, layer, beta, "DBM.layer_mean")
        self.draws = draws
        return mean

    def sample_layer(
        self, states: Sequence[npt.ArrayLike], layer: int, *, beta: float = 1.0
    ) -> FloatArray:
        """Draw a layer given the layers next to it; see `layer_mean`, also for errors.

        Returns
        -------
        ndarray of shape (n, N_l), float32
            0/1 states.
        """
        return self._layer_step(states, layer, beta, "DBM.sample_layer")[1]

    def _layer_step(self, states: Any, layer: Any, beta: Any, op: str) -> tuple[Any, Any]:
        last = len(self.layer_sizes) - 1
        chosen = as_integer(layer, "layer", op, minimum=0, maximum=last)
        return self._dbm.layer_step(self._layers(states, op), chosen, as_beta(beta, op))

    def _layers(self, states: Any, op: str) -> list[Any]:
        """A batch of every layer, all of as many rows."""
        if len(states) != len(self.layer_sizes):
            raise ValueError(
                f"[{op}] states must be {len(self.layer_sizes)} arrays, got {len(states)}"
            )
        out = [
            as_batch(x, f"states[{layer}]", op, size)
            for layer, (x, size) in enumerate(zip(states, self.layer_sizes))
        ]
        for layer, x in enumerate(out):
            if len(x) != len(out[0]):
                raise ValueError(
                    f"[{op}] states[{layer}] must have {len(out[0])} rows, got {len(x)}"
                )
        return out

    def gibbs_layers(
        self, states: Sequence[npt.ArrayLike], k: int = 1, *, beta: float = 1.0
    ) -> tuple[FloatArray, ...]:
        """All layers after `k` Gibbs sweeps: even layers given odd ones, then odd given even.

        Parameters
        ----------
        states : sequence of array_like of shape (n, N_l)
            All layers, the visible one first; only the odd ones are read.
        k : int, default=1
            Sweeps, at least 1.
        beta : float, default=1.0
            Inverse temperature, at least 0.

        Returns
        -------
        tuple of ndarray of shape (n, N_l), float32
            0/1 states of every layer.

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type, shape or value.
        """
        op = "DBM.gibbs_layers"
        steps, temperature = as_integer(k, "k", op), as_beta(beta, op)
        return tuple(self._dbm.gibbs(self._layers(states, op), steps, temperature)[1])

    def gibbs(
        self,
        v: npt.ArrayLike,
        k: int = 1,
        *,
        beta: float = 1.0,
        mask: npt.ArrayLike | None = None,
        known: npt.ArrayLike | None = None,
    ) -> FloatArray:
        """Visible states after `k` Gibbs sweeps; the hidden layers start from a pass up from v.

        Parameters
        ----------
        v : array_like of shape (n, V)
            Where the chains start.
        k : int, default=1
            Sweeps, at least 1.
        beta : float, default=1.0
            Inverse temperature, at least 0.
        mask : array_like of bool, shape (V,), (1, V) or (n, V), optional
            True where a visible unit is held fixed, in the start and at every sweep.
        known : array_like of shape (n, V) or (1, V), optional
            The values to hold there; `v` where it is not given.

        Returns
        -------
        ndarray of shape (n, V), float32
            0/1 states; held units have their known values.

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type, shape or value.
        """
        op = "DBM.gibbs"
        start = as_batch(v, "v", op, self.v_size)
        steps, temperature = as_integer(k, "k", op), as_beta(beta, op)
        if mask is None and known is not None:
            raise ValueError(f"[{op}] mask must be given with known, got None")
        if mask is None:
            return self._chains(start, steps, temperature)[1][0]
        held = as_mask(mask, "mask", op, len(start), self.v_size)
        values = start if known is None else as_batch(known, "known", op, self.v_size)
        if len(values) not in (1, len(start)):
            raise ValueError(f"[{op}] known must have 1 or {len(start)} rows, got {len(values)}")
        values = np.ascontiguousarray(np.broadcast_to(values, start.shape))
        return self._chains(np.where(held, values, start), steps, temperature, held, values)[1][0]

    def _chains(
        self, start: Any, steps: int, beta: float, mask: Any = None, known: Any = None
    ) -> tuple[list[FloatArray], list[FloatArray]]:
        """Means and states of every layer after sweeps from visible states."""
        states = self._dbm.up_pass(start, beta)
        held = None if mask is None else mask.astype(np.float32)
        return self._dbm.gibbs(states, steps, beta, held, known)

    def sample_layers(
        self,
        n_samples: int | None = None,
        n_steps: int = 1000,
        *,
        start: npt.ArrayLike | str = "random",
        beta: float = 1.0,
    ) -> tuple[tuple[FloatArray, ...], tuple[FloatArray, ...]]:
        """Means and states of every layer after Gibbs chains; see `sample`, also for errors.

        Returns
        -------
        means, states : tuples of ndarray of shape (n_samples, N_l), float32
            Probabilities of the last sweep, and the 0/1 states drawn from them.
        """
        op = "DBM.sample"
        steps, temperature = as_integer(n_steps, "n_steps", op), as_beta(beta, op)
        count = None if n_samples is None else as_integer(n_samples, "n_samples", op)
        if isinstance(start, str):
            if start != "random":
                raise ValueError(f"[{op}] start must be 'random' or an array, got {start!r}")
            # At beta 0 every unit of every layer is a fair coin.
            coins = self._dbm.up_pass(np.zeros((count or 1, self.v_size), np.float32), 0.0)
            means, states = self._dbm.gibbs(coins, steps, temperature)
        else:
            first = as_batch(start, "start", op, self.v_size)
            if count is not None:
                first = first[np.arange(count) % len(first)]
            means, states = self._chains(first, steps, temperature)
        return tuple(means), tuple(states)

    def sample(
        self,
        n_samples: int | None = None,
        n_steps: int = 1000,
        *,
        start: npt.ArrayLike | str = "random",
        beta: float = 1.0,
    ) -> tuple[FloatArray, FloatArray]:
        """Visible probabilities and states after Gibbs chains of `n_steps` sweeps.

        Parameters
        ----------
        n_samples : int, optional
            Number of chains. By default one per row of the start, or 1 from a random start. More
            chains than rows go round the rows again.
        n_steps : int, default=1000
            Sweeps, at least 1.
        start : "random" or array_like of shape (m, V), default="random"
            Chains start at these visible states, or with fair coins in every layer.
        beta : float, default=1.0
            Inverse temperature, at least 0.

        Returns
        -------
        v_prob, v : ndarray of shape (n_samples, V), float32
            Probabilities of the last visible half-step, and the 0/1 states drawn from them.

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type, shape or value.
        """
        means, states = self.sample_layers(n_samples, n_steps, start=start, beta=beta)
        return means[0], states[0]

    def inpaint(
        self, v: npt.ArrayLike, known_mask: npt.ArrayLike, n_steps: int = 100, *, beta: float = 1.0
    ) -> tuple[FloatArray, FloatArray]:
        """Draw the unknown visible units given the known ones, by clamped Gibbs sampling.

        The unknown units start as fair coins, whatever `v` holds there, and known units are put
        back at every sweep, so that the chain's stationary distribution is p(unknown | known).

        Parameters
        ----------
        v : array_like of shape (n, V)
            Rows with known values where `known_mask` is true; grey values may be known too.
        known_mask : array_like of bool, shape (V,), (1, V) or (n, V)
            True where a unit is known: one row for all samples, or one per sample.
        n_steps : int, default=100
            Sweeps, at least 1.
        beta : float, default=1.0
            Inverse temperature, at least 0.

        Returns
        -------
        v_prob, v : ndarray of shape (n, V), float32
            Probabilities and 0/1 states of the unknown units; known units exactly as given.

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type, shape or value.
        """
        op = "DBM.inpaint"
        given = as_batch(v, "v", op, self.v_size)
        known = as_mask(known_mask, "known_mask", op, len(given), self.v_size)
        steps, temperature = as_integer(n_steps, "n_steps", op), as_beta(beta, op)
        states = [given] + [np.zeros((len(given), n), np.float32) for n in self.layer_sizes[1:]]
        fair = self._dbm.layer_step(states, 0, 0.0)[1]
        start = np.where(known, given, fair)
        means, states = self._chains(start, steps, temperature, known, given)
        return np.where(known, given, means[0]), np.where(known, given, states[0])
