"""What one call of ``fit`` has to do, and what one epoch of it does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..callbacks import Callback
from ._settings import LoopSettings

__all__ = ["Job", "Plan"]


@dataclass
class Job:
    """One call of ``fit``. Data are as the core takes them, rows as the estimator checked them."""

    data: Any  # a _core.Dataset, or what the core trainer takes in its place; it has `rows`
    watched: Any  # some training rows
    validation: Any  # or None
    settings: LoopSettings
    callbacks: Sequence[Callback]
    last_epoch: int
    op: str  # for messages
    watched_target: Any = None  # y of these rows, with labels
    validation_target: Any = None

    @property
    def batch_level(self) -> bool:
        """Whether any callback wants to hear of every batch."""
        return any(type(c).on_batch_end is not Callback.on_batch_end for c in self.callbacks)


@dataclass
class Plan:
    """One epoch: what to train on, and how; a training in stages makes its own."""

    data: Any
    settings: LoopSettings
    epoch: int  # that schedules go by
    logs: dict[str, float] = field(default_factory=dict)  # further columns of the history

    @property
    def batches(self) -> int:
        """Batches of the epoch, the short last one included."""
        return -(-int(self.data.rows) // self.settings.batch_size)
