"""Epochs: shuffling, schedules, watching, callbacks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from ..callbacks import Callback
from ..models import RBM
from ._data import blocks
from ._scores import watched_pseudo_likelihood
from ._settings import Settings
from ._training import Training

__all__ = ["Job", "run"]

OP = "BernoulliRBM.fit"


@dataclass
class Job:
    """One call of ``fit``."""

    data: _core.Dataset
    watched: Any  # some training rows
    validation: Any  # or None
    settings: Settings
    callbacks: Sequence[Callback]
    last_epoch: int

    @property
    def batches(self) -> int:
        """Batches of an epoch, the short last one included."""
        return -(-self.data.rows // self.settings.batch_size)

    @property
    def batch_level(self) -> bool:
        """Whether any callback wants to hear of every batch."""
        return any(type(c).on_batch_end is not Callback.on_batch_end for c in self.callbacks)


def run(estimator: Any, training: Training, job: Job) -> None:
    """Train until the last epoch is done, or a callback asks to stop."""
    last: dict[str, float] = {}
    begun: list[Callback] = []
    try:
        for callback in job.callbacks:
            callback.on_train_begin(estimator)
            begun.append(callback)
        while training.epoch < job.last_epoch:
            epoch = training.epoch
            logs = _epoch(estimator, training, job)
            if logs is None:
                break
            last = logs
            answers = [c.on_epoch_end(estimator, epoch, logs) for c in job.callbacks]
            if any(answers):
                break
    finally:
        for callback in begun:
            callback.on_train_end(estimator, last)


def _epoch(estimator: Any, training: Training, job: Job) -> dict[str, float] | None:
    """Finish the epoch in progress; its logs, or None where a callback stopped it halfway."""
    start = time.perf_counter()
    rate = job.settings.rate_at(training.epoch, OP)
    momentum = job.settings.momentum_at(training.epoch, OP)
    training.trainer.momentum = momentum
    if not _batches(estimator, training, job, rate):
        return None
    logs = {"epoch": training.epoch, "learning_rate": rate, "momentum": momentum}
    logs["time"] = time.perf_counter() - start
    logs.update(_watch(training.model, job))
    training.commit(logs)
    return dict(logs)


def _order(training: Training, job: Job) -> npt.NDArray[np.int64]:
    # A function of seed and epoch alone, so a resumed run shuffles as the first would have.
    if job.settings.shuffle:
        return _core.permutation(job.data.rows, training.model.seed, training.epoch)
    return np.arange(job.data.rows, dtype=np.int64)


def _batches(estimator: Any, training: Training, job: Job, rate: float) -> bool:
    """The epoch's remaining batches, in one call unless a callback listens to each."""
    order, size = _order(training, job), job.settings.batch_size
    while training.batch < job.batches:
        batch = training.batch
        stop = batch + 1 if job.batch_level else job.batches
        training.train_epoch(job.data, order, stop, size, rate, OP)
        if not job.batch_level:
            continue
        logs = {"learning_rate": rate}
        answers = [c.on_batch_end(estimator, training.epoch, batch, logs) for c in job.callbacks]
        if any(answers):
            return False
    return True


def _watch(model: RBM, job: Job) -> dict[str, float]:
    """Pseudo-likelihood, reconstruction error and free energies; takes no draw of the model."""
    logs = _measures(model, job.watched, "")
    if job.validation is not None:
        valid = _measures(model, job.validation, "validation_")
        gap = valid.pop("validation_free_energy") - logs["free_energy"]
        logs.update(valid, free_energy_gap=gap)
    del logs["free_energy"]
    return logs


def _measures(model: RBM, X: Any, prefix: str) -> dict[str, float]:
    error = energy = 0.0
    for _, v in blocks(X, OP):
        v_prob = model.visible_mean(model.hidden_mean(v))
        error += float(
            np.square(np.asarray(v) - np.asarray(v_prob)).mean(axis=1, dtype=np.float64).sum()
        )
        energy += float(model.free_energy(v).sum())
    n = X.shape[0]
    return {
        f"{prefix}pseudo_likelihood": watched_pseudo_likelihood(model, X, OP),
        f"{prefix}reconstruction_error": error / n,
        f"{prefix}free_energy": energy / n,
    }
