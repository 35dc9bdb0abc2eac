"""Save the model while it trains."""

from __future__ import annotations

import os
from typing import Any

from .._validation import as_integer
from ..io import check_storable, save
from ._base import Callback

__all__ = ["Checkpoint"]


class Checkpoint(Callback):
    """Save the estimator after every `every` epochs, with all that is needed to go on.

    A run that was cut short goes on bit for bit with
    ``rbm = gibbslab.load(path)`` and
    ``rbm.set_params(warm_start=True, n_iter=n - rbm.n_epochs_).fit(X)``.

    Parameters
    ----------
    path : str or path-like
        File to write, atomically: it always holds a complete checkpoint. ``{epoch}`` in it is
        replaced by the number of epochs done, which keeps one file per checkpoint.
    every : int, default=1
        Epochs from one checkpoint to the next, at least 1.

    Raises
    ------
    TypeError, ValueError
        If `every` has a wrong type or value; `TypeError` at the start of training if a parameter
        of the estimator cannot be stored.
    OSError
        In training, if the file cannot be written; the previous checkpoint is kept.
    """

    def __init__(self, path: str | os.PathLike[str], every: int = 1) -> None:
        self.path = path
        self.every = as_integer(every, "every", "Checkpoint")

    def on_train_begin(self, estimator: Any) -> None:
        check_storable(estimator)

    def on_epoch_end(self, estimator: Any, epoch: int, logs: dict[str, float]) -> None:
        done = epoch + 1
        if done % self.every == 0:
            save(estimator, os.fspath(self.path).replace("{epoch}", str(done)))
