"""Training steps of a deep belief network, and what it says of labels."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from .. import _core
from .._validation import as_real, as_trailing_batch
from ..errors import DivergenceError
from ._dbn_parameters import DBNParameters

__all__ = ["DBNSteps"]

DoubleArray = npt.NDArray[np.float64]


class DBNSteps(DBNParameters):
    """Steps of the up-down algorithm, or of its top alone; probabilities of labels."""

    _TOP_ONLY: ClassVar[bool] = False
    _trainer: _core.UpDownTrainer | None = None

    def log_proba(self, v: npt.ArrayLike) -> DoubleArray:
        """log p(y | x_{D-1}) of every label, x_{D-1} being the means that recognition gives.

        Exact given these, by the free energy of the top RBM with every label tried (Hinton,
        Osindero and Teh 2006, section 6.1).

        Parameters
        ----------
        v : array_like of shape (n, V)
            Visible states; grey values enter as they are.

        Returns
        -------
        ndarray of shape (n, K), float64
            In nats.

        Raises
        ------
        TypeError, ValueError
            If `v` has a wrong type, shape or value, or the model has no labels.
        """
        op = f"{type(self).__name__}.log_proba"
        if self.n_classes == 0:
            raise ValueError(f"[{op}] the model must have labels, got one with n_classes=0")
        return self._dbn.label_log_proba(self._top_input(v, "log_proba"))

    def _top_input(self, v: Any, method: str) -> Any:
        """Means of the layer below the top one; the visible states where there is none between."""
        below = self._batch(v, "v", method, 0)
        means = self._dbn.recognise(below, True)
        return means[-1][0] if means else below

    def update_weights_for_batch(
        self,
        batch: npt.ArrayLike,
        learning_rate: float = 0.01,
        *,
        labels: npt.ArrayLike | None = None,
    ) -> None:
        """One step of the up-down algorithm, with CD-`cd_k` at the top.

        Generative weights learn to predict the states that recognition drew, recognition weights
        those that generation drew, and the top RBM, with any labels among its visible units,
        takes a step of contrastive divergence (Hinton, Osindero and Teh 2006, appendix B).

        Parameters
        ----------
        batch : array_like that reshapes to (-1, V)
            Visible states; grey values are used as they are.
        learning_rate : float, default=0.01
            Step size, at least 0.
        labels : array_like of int, shape (n,), optional
            0 ... K - 1; to be given where there are labels, and only there.

        Raises
        ------
        TypeError, ValueError
            If an argument has a wrong type, shape or value.
        DivergenceError
            If the step would make a parameter non-finite; the model is then unchanged.
        """
        op = f"{type(self).__name__}.update_weights_for_batch"
        v = as_trailing_batch(batch, "batch", op, self.v_size, device=self.device)
        rate = as_real(learning_rate, "learning_rate", op)
        codes = self._codes(labels, op, len(v))
        if codes is None and self.n_classes:
            raise ValueError(f"[{op}] labels must be given to a model with labels")
        order = np.arange(len(v), dtype=np.int64)
        plain = _core.Dataset(v, self.device)
        data = plain if codes is None else _core.LabelledDataset(plain, codes)
        _, diverged = self._step_trainer().train(data, order, len(v), 0, 1, rate)
        if diverged:
            raise DivergenceError(
                f"[{op}] {diverged} would become non-finite at learning_rate {rate:g}; the model "
                "is unchanged",
                tensor=diverged,
            )

    def _step_trainer(self) -> _core.UpDownTrainer:
        if self._trainer is None or self._trainer.options.k != self.cd_k:
            options = _core.UpDownOptions()
            options.k, options.top_only = self.cd_k, self._TOP_ONLY
            self._trainer = _core.UpDownTrainer(self._dbn, options)
        return self._trainer
