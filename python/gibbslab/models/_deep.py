"""The deep belief network of any depth, layer by layer."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt

from .._validation import as_batch, as_integer, as_mask
from ._dbn_steps import DBNSteps

__all__ = ["DeepBeliefNetwork"]

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]
Pair = tuple[FloatArray, FloatArray]


class DeepBeliefNetwork(DBNSteps):
    """Deep belief network of Bernoulli layers (Hinton, Osindero and Teh 2006), of any depth.

    p(x) = p_top(x_{D-1}, x_D) prod_{l < D-1} p(x_l | x_{l+1}): an RBM between the two top layers,
    and below it directed layers p(x_l = 1 | x_{l+1}) = sigmoid(G_l x_{l+1} + g_l). The recognition
    model q(x_{l+1} = 1 | x_l) = sigmoid(x_l R_l + r_l) stands for the posterior. With labels, a
    softmax unit of K states y lies beside x_{D-1}: p_top(x_{D-1}, y, x_D) is then proportional to
    exp(x_{D-1} W x_D + U_y x_D + a x_{D-1} + b x_D + d_y).

    Weights start as Normal(0, 0.1^2), with R_l = G_l, biases as 0. Arrays are float32, likelihoods
    float64. On ``device="cuda"`` batches may lie on the device, as for `RBM`.

    Parameters
    ----------
    layer_sizes : sequence of int
        Units N_0 (visible) ... N_D of every layer, at least two.
    cd_k : int, default=1
        Gibbs sweeps of the top RBM in a pass, at least 1.
    n_classes : int, default=0
        Number of labels, K; 0 for a model without.
    random_state : int, RandomState, Generator or None, default=None
        The same integer gives the same weights and samples, whatever the number of threads.
    device : {"auto", "cpu", "cuda"}, default="auto"
        Where to compute; "auto" takes CUDA where it works.
    n_threads : int or None, default=None
        Threads to use at most, 1 ... 1024; None for all that are allowed.

    Attributes
    ----------
    layer_sizes : list of int
    n_classes : int
    cd_k : int
        As given; assignable.
    parameters : dict of ndarray
        By name; `set_parameters` assigns.
    seed, draws : int
        The whole random state.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or value.
    RuntimeError
        If ``device="cuda"`` cannot be had; or, from any method, if two threads use one model at
        a time.
    """

    def recognise(self, v: npt.ArrayLike, *, mean_field: bool = False) -> list[FloatArray]:
        """States of the hidden layers below the top one, by the recognition model.

        Parameters
        ----------
        v : array_like of shape (n, V)
            Visible states; grey values enter as they are.
        mean_field : bool, default=False
            Pass means from layer to layer and return them, in place of samples.

        Returns
        -------
        list of ndarray
            x_1 ... x_{D-1}, (n, N_l) each: 0/1 states, or means.

        Raises
        ------
        TypeError, ValueError
            If `v` has a wrong type, shape or value.
        """
        pairs = self._dbn.recognise(self._batch(v, "v", "recognise", 0), bool(mean_field))
        return [mean if mean_field else sample for mean, sample in pairs]

    def hidden_mean(self, v: npt.ArrayLike) -> FloatArray:
        """Means of the top layer, with means passed from layer to layer, labels summed out.

        Parameters
        ----------
        v : array_like of shape (n, V)
            Visible states; grey values enter as they are.

        Returns
        -------
        ndarray of shape (n, N_D), float32

        Raises
        ------
        TypeError, ValueError
            If `v` has a wrong type, shape or value.
        """
        mean: FloatArray = self._dbn.top_up(self._top_input(v, "hidden_mean"), False)[0]
        return mean

    def mean_reconstruction(self, v: npt.ArrayLike) -> FloatArray:
        """Visible probabilities, with means passed all the way up and down; takes no draw.

        Parameters
        ----------
        v : array_like of shape (n, V)
            Visible states; grey values enter as they are.

        Returns
        -------
        ndarray of shape (n, V), float32

        Raises
        ------
        TypeError, ValueError
            If `v` has a wrong type, shape or value.
        """
        x = self._dbn.top_down(self.hidden_mean(v), False)[0]
        for level in reversed(range(len(self._dbn.sizes) - 2)):
            x = self._dbn.down(level, x, False)[0]
        mean: FloatArray = np.asarray(x)
        return mean

    def generate(self, x: npt.ArrayLike) -> Pair:
        """Visible states generated from the layer below the top one.

        Parameters
        ----------
        x : array_like of shape (n, N_{D-1})
            States of that layer; any real values enter as they are.

        Returns
        -------
        v_prob, v : ndarray of shape (n, V), float32
            Probabilities of the last step, and the 0/1 states drawn from them.

        Raises
        ------
        TypeError, ValueError
            If `x` has a wrong type, shape or value.
        """
        start = self._batch(x, "x", "generate", len(self._dbn.sizes) - 2)
        return self._down(start, start)

    def _down(self, x_prob: Any, x: Any) -> Pair:
        """All the way down; without directed layers, what was given."""
        layers = self._dbn.generate(x)
        return layers[-1] if layers else (x_prob, x)

    def sample(
        self,
        n_samples: int = 1,
        n_steps: int = 1000,
        *,
        start: npt.ArrayLike | None = None,
        labels: npt.ArrayLike | None = None,
    ) -> Pair:
        """Ancestral samples: Gibbs sweeps of the top RBM, then once down.

        Parameters
        ----------
        n_samples : int, default=1
            Number of chains; ignored with `start`.
        n_steps : int, default=1000
            Sweeps of the top RBM, at least 1.
        start : array_like of shape (n, V), optional
            Chains start at the recognised states of these rows; at fair coins of the top layer by
            default.
        labels : int or array_like of int, shape (n_samples,), optional
            Labels to generate from, held through the sweeps; by default they are drawn along.

        Returns
        -------
        v_prob, v : ndarray of shape (n_samples, V), float32
            Probabilities of the last step, and the 0/1 states drawn from them.

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type, shape or value.
        """
        op = f"{type(self).__name__}.sample"
        steps = as_integer(n_steps, "n_steps", op)
        if start is None:
            count = as_integer(n_samples, "n_samples", op)
            codes = self._codes(labels, op, count)
            top: Any = self._dbn.fair_states(len(self._dbn.sizes) - 1, count)
        else:
            rows = self._batch(start, "start", "sample", 0)
            codes = self._codes(labels, op, len(rows))
            top = self._recognised_top(rows, codes)
        _, (x_prob, x), _ = self._dbn.top_gibbs(top, steps, codes)
        return self._down(x_prob, x)

    def _recognised_top(self, v: Any, codes: list[int] | None) -> Any:
        pairs = self._dbn.recognise(v, False)
        return self._dbn.top_up(pairs[-1][1] if pairs else v, True, codes)[1]

    def reconstruct_visible(self, v: npt.ArrayLike, n_steps: int = 1) -> Pair:
        """Up by recognition, sweeps of the top RBM, and down again.

        Parameters
        ----------
        v : array_like of shape (n, V)
            Visible states; grey values enter as they are.
        n_steps : int, default=1
            Sweeps, at least 1.

        Returns
        -------
        v_prob, v : ndarray of shape (n, V), float32
            Probabilities and 0/1 states.

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type, shape or value.
        """
        return self.sample(n_steps=n_steps, start=v)

    def inpaint(
        self, v: npt.ArrayLike, known_mask: npt.ArrayLike, n_steps: int = 100, top_steps: int = 1
    ) -> Pair:
        """Fill in unknown visible units: recognise, sweep the top RBM, generate, clamp, repeat.

        The unknown units start as fair coins. As recognition is an approximation of the posterior,
        so is the distribution that these chains settle in; with one directed layer whose
        recognition and generative weights are equal, it is that of the stacked RBMs' chain.

        Parameters
        ----------
        v : array_like of shape (n, V)
            Rows with known values where `known_mask` is true.
        known_mask : array_like of bool, shape (V,), (1, V) or (n, V)
            True where a unit is known.
        n_steps : int, default=100
            Rounds, at least 1.
        top_steps : int, default=1
            Sweeps of the top RBM in a round, at least 1.

        Returns
        -------
        v_prob, v : ndarray of shape (n, V), float32
            Probabilities and 0/1 states of the unknown units; known units exactly as given.

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type, shape or value.
        """
        op = f"{type(self).__name__}.inpaint"
        given = np.asarray(self._batch(v, "v", "inpaint", 0))
        known = as_mask(known_mask, "known_mask", op, len(given), self.v_size)
        rounds = as_integer(n_steps, "n_steps", op)
        sweeps = as_integer(top_steps, "top_steps", op)
        state = np.where(known, given, self._dbn.fair_states(0, len(given)))
        v_prob = state
        for _ in range(rounds):
            v_prob, drawn = self.reconstruct_visible(state, sweeps)
            state = np.where(known, given, drawn)
        return np.where(known, given, v_prob), state

    def log_weights(self, v: npt.ArrayLike, n_samples: int = 1) -> DoubleArray:
        """Draws of log p*(v, x) - log q(x | v), with p* = Z p and Z that of the top RBM.

        Labels, where there are some, are summed out.
        Their mean over draws, minus log Z, is the variational lower bound on log p(v)
        (Salakhutdinov and Murray 2008); the mean of their exponentials is p(v) Z.

        Parameters
        ----------
        v : array_like of shape (n, V)
            Visible states, 0 or 1.
        n_samples : int, default=1
            Draws, at least 1.

        Returns
        -------
        ndarray of shape (n_samples, n), float64
            In nats.

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type, shape or value.
        """
        op = f"{type(self).__name__}.log_weights"
        batch = as_batch(v, "v", op, self.v_size, binary=True, device=self.device)
        draws = as_integer(n_samples, "n_samples", op)
        return np.stack([self._log_weights(batch) for _ in range(draws)])

    def _log_weights(self, batch: Any) -> DoubleArray:
        drawn = [sample for _, sample in self._dbn.recognise(batch, False)]
        return self._dbn.log_weights([batch, *drawn])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to a file, atomically; see `gibbslab.io.save` and `gibbslab.load`."""
        from ..io import save

        save(self, path)
