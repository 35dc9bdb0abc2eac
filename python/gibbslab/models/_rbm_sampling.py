"""Conditionals and Gibbs chains of an RBM."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .._validation import as_batch, as_beta, as_integer, as_mask
from ._parameters import RBMParameters

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]


def _taken(x: Any, count: int) -> Any:
    """`count` rows, going round the rows of x again and again."""
    rows = np.arange(count, dtype=np.int64) % len(x)
    return x.take(rows) if isinstance(x, _core.DeviceArray) else x[rows]


def _chosen(mask: BoolArray, given: Any, other: Any) -> Any:
    """`given` where the mask is true, else `other`."""
    if isinstance(given, _core.DeviceArray):
        return _core.choose(mask.astype(np.float32), given, other)
    return np.where(mask, given, other)


class RBMSampling(RBMParameters):
    """Conditional means and samples, and Gibbs chains from anywhere."""

    def hidden_mean(self, v: npt.ArrayLike, *, beta: float = 1.0) -> FloatArray:
        """p(h = 1 | v) = sigmoid(beta (v W + b)).

        Parameters
        ----------
        v : array_like of shape (n, V)
            Visible states; grey values enter as they are.
        beta : float, default=1.0
            Inverse temperature, at least 0.

        Returns
        -------
        ndarray of shape (n, H), float32
            Probabilities.

        Raises
        ------
        TypeError, ValueError
            If `v` or `beta` has a wrong type, shape or value.
        """
        op = "RBM.hidden_mean"
        return self._rbm.hidden_mean(
            as_batch(v, "v", op, self.v_size, device=self.device), as_beta(beta, op)
        )

    def visible_mean(self, h: npt.ArrayLike, *, beta: float = 1.0) -> FloatArray:
        """p(v = 1 | h) = sigmoid(beta (h W^T + a)).

        Parameters
        ----------
        h : array_like of shape (n, H)
            Hidden states; any real values enter as they are.
        beta : float, default=1.0
            Inverse temperature, at least 0.

        Returns
        -------
        ndarray of shape (n, V), float32
            Probabilities.

        Raises
        ------
        TypeError, ValueError
            If `h` or `beta` has a wrong type, shape or value.
        """
        op = "RBM.visible_mean"
        return self._rbm.visible_mean(
            as_batch(h, "h", op, self.h_size, device=self.device), as_beta(beta, op)
        )

    def sample_hidden(self, v: npt.ArrayLike, *, beta: float = 1.0) -> FloatArray:
        """Draw hidden states from p(h | v); see `hidden_mean`.

        Parameters
        ----------
        v : array_like of shape (n, V)
            Visible states; grey values enter as they are.
        beta : float, default=1.0
            Inverse temperature, at least 0.

        Returns
        -------
        ndarray of shape (n, H), float32
            0/1 states.

        Raises
        ------
        TypeError, ValueError
            If `v` or `beta` has a wrong type, shape or value.
        """
        op = "RBM.sample_hidden"
        return self._rbm.sample_hidden(
            as_batch(v, "v", op, self.v_size, device=self.device), as_beta(beta, op)
        )

    def sample_visible(self, h: npt.ArrayLike, *, beta: float = 1.0) -> FloatArray:
        """Draw visible states from p(v | h); see `visible_mean`.

        Parameters
        ----------
        h : array_like of shape (n, H)
            Hidden states; any real values enter as they are.
        beta : float, default=1.0
            Inverse temperature, at least 0.

        Returns
        -------
        ndarray of shape (n, V), float32
            0/1 states.

        Raises
        ------
        TypeError, ValueError
            If `h` or `beta` has a wrong type, shape or value.
        """
        op = "RBM.sample_visible"
        return self._rbm.sample_visible(
            as_batch(h, "h", op, self.h_size, device=self.device), as_beta(beta, op)
        )

    def gibbs(
        self,
        v: npt.ArrayLike,
        k: int = 1,
        *,
        beta: float = 1.0,
        mask: npt.ArrayLike | None = None,
        known: npt.ArrayLike | None = None,
    ) -> FloatArray:
        """Visible states after `k` Gibbs sweeps v -> h -> v.

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
        op = "RBM.gibbs"
        start = as_batch(v, "v", op, self.v_size, device=self.device)
        if mask is None and known is not None:
            raise ValueError(f"[{op}] mask must be given with known, got None")
        steps, temperature = as_integer(k, "k", op), as_beta(beta, op)
        if mask is None:
            return self._rbm.gibbs(start, False, steps, temperature)[3]
        held = as_mask(mask, "mask", op, len(start), self.v_size)
        values = self._known(start, known, op)
        start = _chosen(held, values, start)
        return self._rbm.gibbs(start, False, steps, temperature, held.astype(np.float32), values)[3]

    def _known(self, start: Any, known: Any, op: str) -> Any:
        """The values to hold, one row per chain, where the chains lie."""
        if known is None:
            return start
        values = as_batch(known, "known", op, self.v_size, device=self.device)
        if len(values) not in (1, len(start)):
            raise ValueError(f"[{op}] known must have 1 or {len(start)} rows, got {len(values)}")
        if not isinstance(start, _core.DeviceArray):
            return np.ascontiguousarray(np.broadcast_to(np.asarray(values), start.shape))
        if not isinstance(values, _core.DeviceArray):
            values = _core.DeviceArray.from_numpy(values, self.device)
        return values if len(values) == len(start) else _taken(values, len(start))

    @property
    def _even_beta(self) -> float:
        """Where units are drawn evenly, or, if they cannot be, from their biases."""
        return 0.0

    def _fair_visible(self, n: int, on_device: bool = False) -> Any:
        """n rows of fair coins, from the model's own stream: at beta 0 every unit is one."""
        hidden: Any = np.zeros((n, self.h_size), np.float32)
        if on_device:
            hidden = _core.DeviceArray.from_numpy(hidden, self.device)
        return self._rbm.sample_visible(hidden, self._even_beta)

    def sample(
        self,
        n_samples: int | None = None,
        n_steps: int = 1000,
        *,
        start: npt.ArrayLike | str = "random",
        start_hidden: npt.ArrayLike | None = None,
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
            Chains start at these visible states, or at fair coins.
        start_hidden : array_like of shape (m, H), optional
            Chains start at these hidden states instead; real values enter as they are.
        beta : float, default=1.0
            Inverse temperature, at least 0.

        Returns
        -------
        v_prob, v : ndarray of shape (n_samples, V), float32
            Probabilities of the last half-step, and the 0/1 states drawn from them.

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type, shape or value, or two starts are given.
        """
        op = "RBM.sample"
        steps, temperature = as_integer(n_steps, "n_steps", op), as_beta(beta, op)
        count = None if n_samples is None else as_integer(n_samples, "n_samples", op)
        first = self._start(count, start, start_hidden, op)
        if count is not None and count != len(first):
            first = _taken(first, count)
        from_hidden = start_hidden is not None
        _, _, v_prob, v = self._rbm.gibbs(first, from_hidden, steps, temperature)
        return v_prob, v

    def _start(self, count: int | None, start: Any, start_hidden: Any, op: str) -> Any:
        if isinstance(start, str) and start != "random":
            raise ValueError(f"[{op}] start must be 'random' or an array, got {start!r}")
        if start_hidden is not None:
            if not isinstance(start, str):
                raise ValueError(f"[{op}] start and start_hidden must not both be given")
            return as_batch(start_hidden, "start_hidden", op, self.h_size, device=self.device)
        if isinstance(start, str):
            return self._fair_visible(count or 1)
        return as_batch(start, "start", op, self.v_size, device=self.device)

    def inpaint(
        self, v: npt.ArrayLike, known_mask: npt.ArrayLike, n_steps: int = 100, *, beta: float = 1.0
    ) -> tuple[FloatArray, FloatArray]:
        """Draw the unknown visible units given the known ones, by clamped Gibbs sampling.

        The unknown units start as fair coins, whatever `v` holds there, and known units are put
        back after every sweep, so that the chain's stationary distribution is
        p(unknown | known).

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
        op = "RBM.inpaint"
        given = as_batch(v, "v", op, self.v_size, device=self.device)
        known = as_mask(known_mask, "known_mask", op, len(given), self.v_size)
        steps, temperature = as_integer(n_steps, "n_steps", op), as_beta(beta, op)
        fair = self._fair_visible(len(given), isinstance(given, _core.DeviceArray))
        start = _chosen(known, given, fair)
        clamp = known.astype(np.float32), given
        _, _, v_prob, state = self._rbm.gibbs(start, False, steps, temperature, *clamp)
        return _chosen(known, given, v_prob), _chosen(known, given, state)
