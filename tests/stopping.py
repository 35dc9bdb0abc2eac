"""Callbacks that end a training early."""

from __future__ import annotations

from typing import Any

from gibbslab.callbacks import Callback


class StopAfter(Callback):
    """Stops after a number of batches."""

    def __init__(self, batches: int) -> None:
        self.left = batches

    def on_batch_end(self, estimator: Any, epoch: int, batch: int, logs: Any) -> bool:
        self.left -= 1
        return self.left == 0


class StopIn(Callback):
    """Stops after an epoch."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_epoch_end(self, estimator: Any, epoch: int, logs: dict[str, float]) -> bool:
        return epoch == self.epoch
