"""Epochs: shuffling, schedules, watching, callbacks. The same for every estimator."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from ..callbacks import Callback
from ._job import Job, Plan
from ._training import Training

__all__ = ["run"]


def run(estimator: Any, training: Training, job: Job) -> None:
    """Train until the last epoch is done, or a callback asks to stop."""
    last: dict[str, float] = {}
    begun: list[Callback] = []
    training.last_epoch = job.last_epoch
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
    plan = training.plan(job)
    rate = plan.settings.rate_at(plan.epoch, job.op)
    momentum = plan.settings.momentum_at(plan.epoch, job.op)
    training.trainer.momentum = momentum
    if not _batches(estimator, training, job, plan, rate):
        return None
    logs = {"epoch": training.epoch, **plan.logs, "learning_rate": rate, "momentum": momentum}
    logs["time"] = time.perf_counter() - start
    logs.update(training.measures(job))
    training.commit(logs)
    return dict(logs)


def _order(training: Training, plan: Plan) -> npt.NDArray[np.int64]:
    # A function of seed and epoch alone, so a resumed run shuffles as the first would have.
    if plan.settings.shuffle:
        return _core.permutation(plan.data.rows, training.model.seed, training.epoch)
    return np.arange(plan.data.rows, dtype=np.int64)


def _batches(estimator: Any, training: Training, job: Job, plan: Plan, rate: float) -> bool:
    """The epoch's remaining batches, in one call unless a callback listens to each."""
    order, size = _order(training, plan), plan.settings.batch_size
    while training.batch < plan.batches:
        batch = training.batch
        stop = batch + 1 if job.batch_level else plan.batches
        training.train_epoch(plan.data, order, stop, size, rate, job.op)
        if not job.batch_level:
            continue
        logs = {"learning_rate": rate}
        answers = [c.on_batch_end(estimator, training.epoch, batch, logs) for c in job.callbacks]
        if any(answers):
            return False
    return True
