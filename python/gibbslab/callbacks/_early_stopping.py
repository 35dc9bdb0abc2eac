"""Stop when a measure has stopped improving."""

from __future__ import annotations

import math
from typing import Any

from .._validation import as_integer, as_real
from ._base import Callback

__all__ = ["EarlyStopping"]

_RISING = ("pseudo_likelihood", "log_likelihood", "elbo")


class EarlyStopping(Callback):
    """Stop the training when the monitored value has not improved for `patience` epochs.

    Parameters
    ----------
    monitor : str, default="validation_pseudo_likelihood"
        A column of ``history_``: for example "free_energy_gap" or
        "validation_reconstruction_error".
    patience : int, default=5
        Epochs without improvement that are borne, at least 1.
    min_delta : float, default=0.0
        A smaller improvement does not count, at least 0.
    mode : {"auto", "max", "min"}, default="auto"
        Whether larger is better; "auto" says so for likelihoods and the ELBO only.
    restore_best : bool, default=True
        End, also by Ctrl-C, with the whole training state of the best epoch: the model is then
        the one that training for ``best_epoch + 1`` epochs gives, and ``warm_start`` goes on
        from there.
        ``history_`` keeps the later epochs until it does.

    Attributes
    ----------
    best : float
        Best value of the latest training.
    best_epoch : int or None
        Its epoch, counted from 0.
    stopped_epoch : int or None
        The epoch after which training was stopped, None if it was not.

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type or value; `ValueError` in training if there is no such
        column.
    """

    def __init__(
        self,
        monitor: str = "validation_pseudo_likelihood",
        *,
        patience: int = 5,
        min_delta: float = 0.0,
        mode: str = "auto",
        restore_best: bool = True,
    ) -> None:
        if mode not in ("auto", "max", "min"):
            raise ValueError(f"[EarlyStopping] mode must be 'auto', 'max' or 'min', got {mode!r}")
        self.monitor = monitor
        self.patience = as_integer(patience, "patience", "EarlyStopping")
        self.min_delta = as_real(min_delta, "min_delta", "EarlyStopping")
        self.mode = mode
        self.restore_best = restore_best

    @property
    def _sign(self) -> float:
        rising = self.mode == "max" or (self.mode == "auto" and self.monitor.endswith(_RISING))
        return 1.0 if rising else -1.0

    def on_train_begin(self, estimator: Any) -> None:
        self.best = -self._sign * math.inf
        self.best_epoch: int | None = None
        self.stopped_epoch: int | None = None
        self._state: dict[str, Any] | None = None
        self._waited = 0

    def on_epoch_end(self, estimator: Any, epoch: int, logs: dict[str, float]) -> bool:
        if self.monitor not in logs:
            raise ValueError(
                f"[EarlyStopping] monitor must be one of {sorted(logs)}, got {self.monitor!r}; "
                "the validation measures need validation data"
            )
        value = logs[self.monitor]
        if self._sign * (value - self.best) > self.min_delta:
            self.best, self.best_epoch, self._waited = value, epoch, 0
            self._state = estimator._training.state() if self.restore_best else None
            return False
        self._waited += 1
        if self._waited < self.patience:
            return False
        self.stopped_epoch = epoch
        return True

    def on_train_end(self, estimator: Any, logs: dict[str, float]) -> None:
        if self._state is not None:
            estimator._training.restore(self._state)
        self._state = None
