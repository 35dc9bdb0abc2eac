"""From a call of ``fit`` to the loop: input checked, model begun or gone on with."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._validation import as_seed
from ..callbacks import Callback, ProgressBar
from ..callbacks._progress import EpochLines
from ..io import save
from ._checked_input import CheckedInput
from ._data import as_dataset, monitor_rows, output_dtype, split
from ._job import Job
from ._loop import run
from ._settings import LoopSettings
from ._training import Training

__all__ = ["Saved", "TrainedEstimator"]


class Saved:
    """An estimator that can be written to a file."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the estimator with its whole training state to a file; see `gibbslab.io.save`.

        Parameters
        ----------
        path : str or path-like
            File to write, atomically. `gibbslab.load` reads it back.

        Raises
        ------
        NotFittedError
            Before `fit`.
        TypeError
            If a parameter is a function, which a file cannot hold.
        OSError
            If the file cannot be written; an old file of this name is kept.
        """
        save(self, path)


class TrainedEstimator(Saved, CheckedInput):
    """An estimator that the loop trains: what all of them have in common.

    A subclass resolves its parameters and begins its training; one with labels also checks them
    and makes the data set of both.
    """

    # Parameters that may be schedules, and measures for the progress bar, the first for the lines.
    _schedules: ClassVar[tuple[str, ...]] = ("learning_rate", "momentum")
    _shown: ClassVar[tuple[str, ...]] = ("pseudo_likelihood", "validation_pseudo_likelihood")
    # Parameters that may be lists of layers.
    _layer_lists: ClassVar[tuple[str, ...]] = ()

    callbacks: Sequence[Callback] | None
    random_state: Any
    verbose: int
    warm_start: bool
    _training: Any  # a Training
    _dtype: np.dtype[Any]

    def _resolve(self, op: str) -> Any:
        """The estimator's `LoopSettings`."""
        raise NotImplementedError

    def _begin(self, X: Any, settings: Any, seed: int) -> Training:
        """A new model for training rows like `X`."""
        raise NotImplementedError

    def _check_goes_on(self, settings: Any, op: str) -> None:
        """Refuse parameters that do not fit the model there is."""

    def _target(self, y: Any, X: Any, op: str, goes_on: bool) -> Any:
        """Checked labels, one per row of X, or None; changes nothing."""
        return None

    def _remember_target(self, target: Any, settings: Any) -> None:
        """Note what `_target` found, once all else is good; the model there is has it already."""

    def _last_epoch(self, training: Training, settings: Any) -> int:
        """Epochs, all told, that this call of ``fit`` ends with."""
        return training.epoch + int(settings.n_iter)

    def _dataset(self, X: Any, target: Any, op: str, device: str) -> Any:
        """What the core trains on."""
        return as_dataset(X, op, device)

    def _op(self, method: str) -> str:
        return f"{type(self).__name__}.{method}"

    def _fit(self, X: Any, y: Any, validation_data: Any) -> None:
        op = self._op("fit")
        settings = self._resolve(op)
        goes_on = self.warm_start and hasattr(self, "_training")
        if goes_on:
            self._check_goes_on(settings, op)
        job, training = self._prepare(X, y, validation_data, settings, goes_on)
        run(self, training, job)

    def _prepare(
        self, X: Any, y: Any, validation_data: Any, settings: LoopSettings, goes_on: bool
    ) -> tuple[Job, Training]:
        """Check all input, and only then touch the estimator."""
        op = self._op("fit")
        callbacks = self._all_callbacks(op)
        device = self._training.model.device if goes_on else settings.device
        checked = self._training_input(X, op, device)
        target = self._target(y, checked, op, goes_on)
        fraction = settings.validation_fraction
        if validation_data is not None and fraction:
            raise ValueError(f"[{op}] validation_data and validation_fraction exclude each other")
        seed = self._training.model.seed if goes_on else as_seed(self.random_state, op)
        rows, valid = split(checked, fraction, seed, op)
        labels, valid_labels = split(target, fraction, seed, op)
        if validation_data is not None:
            features = checked.shape[1]
            valid, valid_labels = self._validation(validation_data, target, op, device, features)
        data = self._dataset(rows, labels, op, device)
        self._remember(X, reset=not goes_on)
        self._remember_target(target, settings)
        training = self._start(rows, settings, None if goes_on else seed)
        last = self._last_epoch(training, settings)
        watched, watched_labels = monitor_rows(rows, seed), monitor_rows(labels, seed)
        job = Job(data, watched, valid, settings, callbacks, last, op, watched_labels, valid_labels)
        return job, training

    def _validation(
        self, validation_data: Any, target: Any, op: str, device: str, n_features: int
    ) -> tuple[Any, Any]:
        """Checked rows, and labels where the training has them: then it is a pair."""
        return self._values(validation_data, op, device, n_features), None

    def _all_callbacks(self, op: str) -> list[Callback]:
        own = list(self.callbacks or ())
        for callback in own:
            if not isinstance(callback, Callback):
                raise TypeError(f"[{op}] callbacks must be instances of Callback, got {callback!r}")
        return [*own, EpochLines(), ProgressBar()] if self.verbose else own

    def _start(self, X: Any, settings: Any, seed: int | None) -> Any:
        """The training to go on with: the one there is, or a new one from `seed`."""
        if seed is None:
            training = self._training
            training.prepare(settings.options)
            training.model.n_threads = settings.n_threads or None
        else:
            training = self._begin(X, settings, seed)
        self._dtype = output_dtype(X)
        self._training, self.model_ = training, training.model
        return training

    def _partial_fit(self, X: Any, y: Any = None) -> None:
        """One pass over a chunk in its order, outside the epochs."""
        op = self._op("partial_fit")
        settings = self._resolve(op)
        first = not hasattr(self, "_training")
        device = settings.device if first else self._training.model.device
        checked = self._training_input(X, op, device)
        target = self._target(y, checked, op, not first)
        data = self._dataset(checked, target, op, device)
        self._remember(X, reset=first)
        self._remember_target(target, settings)
        seed = as_seed(self.random_state, op) if first else None
        training = self._start(checked, settings, seed)
        now, epoch = training.standing(settings)
        training.trainer.momentum = now.momentum_at(epoch, op)
        rate, size = now.rate_at(epoch, op), settings.batch_size
        order, batches = np.arange(data.rows, dtype=np.int64), range(-(-data.rows // size))
        training.train(data, order, batches, size, rate, op)

    @property
    def n_epochs_(self) -> int:
        """Epochs done by ``fit`` since the weights were drawn."""
        check_is_fitted(self)
        return int(self._training.epoch)

    @property
    def history_(self) -> dict[str, list[float]]:
        """A list per measure, with one value per epoch of ``fit``."""
        check_is_fitted(self)
        history: dict[str, list[float]] = self._training.history
        return history
