"""The deep Boltzmann machine, step by step."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .._validation import as_real, as_trailing_batch
from ..errors import DivergenceError
from ._dbm_measures import DBMMeasures
from .rbm import RBM

__all__ = ["DBM"]


class DBM(DBMMeasures):
    """Deep Boltzmann machine of Bernoulli layers (Salakhutdinov and Hinton 2009).

    E(x) = -sum_l x_l W_l x_{l+1} - sum_l b_l x_l, p(x) = exp(-E(x)) / Z, x_l in {0, 1}^{N_l}, x_0
    visible. Weights start as Normal(0, 0.01^2), biases as 0.

    Parameters
    ----------
    layer_sizes : sequence of int
        N_0 (visible), N_1, ..., N_D, D at least 2.
    cd_k : int, default=1
        Sweeps of the persistent chains before each update, at least 1.
    n_chains : int, default=100
        Persistent chains, at least 1.
    mean_field_iterations : int, default=30
        Fixed-point iterations at most, at least 1.
    mean_field_tolerance : float, default=1e-4
        Largest change of a mean in an iteration at which they stop; see `infer`.
    centered : bool, default=False
        Follow the centred gradient (Montavon and Mueller 2012), which needs no pre-training.
    random_state : int, RandomState, Generator or None, default=None
        The same integer gives the same weights and samples, whatever the number of threads.
    device : {"auto", "cpu", "cuda"}, default="auto"
        Where to compute; "auto" takes CUDA where it works.
    n_threads : int or None, default=None
        Threads to use at most, 1 ... 1024; None for all that are allowed.

    Attributes
    ----------
    layer_sizes : tuple of int
    weights, biases : tuples of ndarray, float32
        W_l (N_l, N_{l+1}) and b_l (N_l,); read-only copies, assigned all together.
    seed, draws : int
        The whole random state: key of the stream and position in it.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or value.
    RuntimeError
        If ``device="cuda"`` cannot be had; or, from any method, if two threads use one model at
        a time.

    Examples
    --------
    >>> import numpy as np
    >>> from gibbslab.models import DBM
    >>> batch = np.eye(4, dtype=np.float32)
    >>> model = DBM([4, 3, 2], random_state=0)
    >>> model.update_weights_for_batch(batch, learning_rate=0.1)
    >>> [mean.shape for mean in model.infer(batch).means]
    [(4, 3), (4, 2)]
    """

    _trainer: _core.DBMTrainer | None = None

    @classmethod
    def from_rbms(cls, rbms: Sequence[RBM], **options: Any) -> DBM:
        """A DBM of RBMs trained greedily with doubled inputs (Salakhutdinov and Hinton 2009).

        The first RBM must have been trained with v W doubled, the last with h W^T doubled, those
        between with both: what each layer lacks there comes from its other neighbour here, so the
        weights enter as they are. A layer's bias is the mean of the two that it has.

        Parameters
        ----------
        rbms : sequence of RBM
            At least two, the hidden layer of each as wide as the visible layer of the next.
        **options
            Further arguments of `DBM`.

        Returns
        -------
        DBM

        Raises
        ------
        ValueError
            If the layers do not fit.
        """
        for lower, upper in pairwise(rbms):
            if lower.h_size != upper.v_size:
                raise ValueError(
                    f"[DBM.from_rbms] rbms must fit layer to layer, got {lower.h_size} hidden "
                    f"units below {upper.v_size} visible ones"
                )
        dbm = cls([rbms[0].v_size, *(rbm.h_size for rbm in rbms)], **options)
        dbm.weights = [rbm.W for rbm in rbms]
        between = [(lower.h_bias + upper.v_bias) / 2 for lower, upper in pairwise(rbms)]
        dbm.biases = [rbms[0].v_bias, *between, rbms[-1].h_bias]
        return dbm

    def update_weights_for_batch(self, batch: npt.ArrayLike, learning_rate: float = 0.01) -> None:
        """One step: mean-field statistics of the batch against those of the persistent chains.

        Parameters
        ----------
        batch : array_like that reshapes to (-1, V)
            Visible states; grey values are used as they are.
        learning_rate : float, default=0.01
            Step size, at least 0.

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type, shape or value.
        DivergenceError
            If the step would make a parameter non-finite; the model is then unchanged.
        """
        op = "DBM.update_weights_for_batch"
        v = as_trailing_batch(batch, "batch", op, self.v_size)
        rate = as_real(learning_rate, "learning_rate", op)
        order = np.arange(len(v), dtype=np.int64)
        _, diverged = self._steps().train(_core.Dataset(v, self.device), order, len(v), 0, 1, rate)
        if diverged:
            raise DivergenceError(
                f"[{op}] {diverged} would become non-finite at learning_rate {rate:g}; the model "
                "is unchanged",
                tensor=diverged,
            )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to a file, atomically; see `gibbslab.io.save` and `gibbslab.load`."""
        from ..io import save

        save(self, path)

    def __getstate__(self) -> dict[str, Any]:
        training = None if self._trainer is None else self._trainer.state()
        return {**super().__getstate__(), "training": training}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if state["training"] is not None:
            self._steps().restore(state["training"])

    def _steps(self) -> _core.DBMTrainer:
        """The trainer that makes the steps, with its chains, built when first needed."""
        if self._trainer is None:
            options = _core.DBMTrainOptions()
            options.k, options.n_chains = self.cd_k, self.n_chains
            options.mean_field_iterations = self.mean_field_iterations
            options.mean_field_tolerance = self.mean_field_tolerance
            options.centered = self.centered
            self._trainer = _core.DBMTrainer(self._dbm, options)
        return self._trainer
