"""The interface of callbacks."""

from __future__ import annotations

from typing import Any

__all__ = ["Callback"]


class Callback:
    """Base of callbacks: override what you need and pass instances as ``callbacks=[...]``.

    A callback may read the estimator, measure with it, draw and save; it sees weights at a batch
    boundary. Returning True from `on_batch_end` or `on_epoch_end` stops the training after the
    other callbacks have been told.

    Examples
    --------
    >>> from gibbslab.callbacks import Callback
    >>> class StopAt(Callback):
    ...     def __init__(self, error):
    ...         self.error = error
    ...     def on_epoch_end(self, estimator, epoch, logs):
    ...         return logs["reconstruction_error"] < self.error
    """

    def on_train_begin(self, estimator: Any) -> None:
        """Called by ``fit`` before its first epoch.

        Parameters
        ----------
        estimator : BernoulliRBM
            ``estimator.n_epochs_`` epochs are done already; ``estimator.n_iter`` more follow.
        """

    def on_batch_end(
        self, estimator: Any, epoch: int, batch: int, logs: dict[str, float]
    ) -> bool | None:
        """Called after every batch. Overriding it costs speed; otherwise nothing is called.

        Parameters
        ----------
        estimator : BernoulliRBM
            In training.
        epoch, batch : int
            Counted from 0: the epoch over all calls of ``fit``, the batch within the epoch.
        logs : dict
            ``learning_rate``.

        Returns
        -------
        bool or None
            True stops the training within the epoch; ``warm_start`` would go on there.
        """
        return None

    def on_epoch_end(self, estimator: Any, epoch: int, logs: dict[str, float]) -> bool | None:
        """Called after every epoch.

        Parameters
        ----------
        estimator : BernoulliRBM
            In training, with this epoch counted in ``n_epochs_`` and present in ``history_``.
        epoch : int
            Counted from 0 over all calls of ``fit``.
        logs : dict
            This epoch's row of ``history_``.

        Returns
        -------
        bool or None
            True stops the training.
        """
        return None

    def on_train_end(self, estimator: Any, logs: dict[str, float]) -> None:
        """Called at the end of ``fit``, also when an error or Ctrl-C ends it.

        Parameters
        ----------
        estimator : BernoulliRBM
            After training.
        logs : dict
            The last completed epoch's row of ``history_``; empty if there was none.
        """
