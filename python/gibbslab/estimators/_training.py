"""What training changes: parameters, velocities, chains, and the place in the epoch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from ..errors import DivergenceError
from ._job import Job, Plan
from ._settings import LoopSettings

__all__ = ["Arrays", "CoreTrainer", "Training"]

Arrays = dict[str, npt.NDArray[Any]]


class CoreTrainer(Protocol):
    """What a trainer of the core offers."""

    momentum: float

    @property
    def next_batch(self) -> int:
        """The batch to go on with after the latest `train`, also when it was interrupted."""

    def train(
        self,
        data: Any,
        order: npt.NDArray[np.int64],
        batch_size: int,
        first: int,
        last: int,
        learning_rate: float,
    ) -> tuple[int, str]:
        """Batches first ... last - 1; how many were done, and the tensor that diverged or ''."""

    def state(self) -> dict[str, npt.NDArray[np.float32]]:
        """Everything a resumed run needs besides the model."""

    def restore(self, values: dict[str, Any]) -> None:
        """Go back, or on, to some or all of a `state`."""


class Training(ABC):
    """A model in training. Its `state` is all that a resumed run needs to go on bit for bit.

    A subclass says which attributes of its model are parameters, how a trainer of the core is
    made, and what to measure after an epoch; one that trains in stages also plans its epochs.

    Attributes
    ----------
    model : object
        With `seed`, `draws` (assignable) and the `parameters`.
    epoch : int
        Epochs completed.
    batch : int
        Batches of the epoch in progress that are done.
    last_epoch : int
        Epochs that the latest ``fit`` asked for, all told.
    rows : list of dict
        One row of the history per completed epoch.
    """

    parameters: ClassVar[tuple[str, ...]]
    further_counters: ClassVar[tuple[str, ...]] = ()  # of a state, beside epoch, batch and draws

    def __init__(self, model: Any, options: dict[str, Any]) -> None:
        self.model = model
        self.epoch = 0
        self.batch = 0
        self.last_epoch = 0
        self.rows: list[dict[str, float]] = []
        self._options: dict[str, Any] = {}
        self._trainer: CoreTrainer | None = None
        self.prepare(options)

    @abstractmethod
    def _make_trainer(self, options: dict[str, Any]) -> CoreTrainer:
        """A trainer of the core for the model."""

    @abstractmethod
    def measures(self, job: Job) -> dict[str, float]:
        """What the history tells of the epoch just done; takes no draw of the model."""

    def plan(self, job: Job) -> Plan:
        """The epoch in progress."""
        return Plan(job.data, *self.standing(job.settings))

    def standing(self, settings: LoopSettings) -> tuple[LoopSettings, int]:
        """What the epoch in progress works with, and the epoch that its schedules go by."""
        return settings, self.epoch

    def fitted(self, state: Arrays, options: dict[str, Any]) -> Arrays:
        """A trainer's state as `options` ask for it."""
        return state

    @property
    def trainer(self) -> CoreTrainer:
        """The trainer of the core, for the options of the latest `prepare`."""
        if self._trainer is None:
            raise RuntimeError("[Training] no trainer before prepare")
        return self._trainer

    def prepare(self, options: dict[str, Any]) -> None:
        """Make the trainer follow `options`; velocities and chains go on where they are."""
        if self._trainer is not None and options == self._options:
            return
        state = {} if self._trainer is None else self._trainer.state()
        trainer = self._make_trainer(options)
        trainer.restore(self.fitted(state, options))
        self._options, self._trainer = dict(options), trainer

    def train(
        self,
        data: Any,
        order: npt.NDArray[np.int64],
        batches: range,
        size: int,
        rate: float,
        op: str,
    ) -> int:
        """Train on batches of `order`; returns the batch to go on with.

        Ctrl-C and `DivergenceError`, which names its batch, leave every batch done or not begun.
        """
        done, tensor = self.trainer.train(data, order, size, batches.start, batches.stop, rate)
        following = batches.start + int(done)
        if tensor:
            raise DivergenceError(
                f"[{op}] {tensor} would become non-finite in epoch {self.epoch}, batch "
                f"{following}, at learning rate {rate:g}; the weights before that batch are kept",
                epoch=self.epoch,
                batch=following,
                tensor=tensor,
            )
        return following

    def train_epoch(
        self,
        data: Any,
        order: npt.NDArray[np.int64],
        stop: int,
        size: int,
        rate: float,
        op: str,
    ) -> None:
        """Train the epoch in progress up to batch `stop`, keeping the place also when stopped."""
        try:
            following = self.train(data, order, range(self.batch, stop), size, rate, op)
        except (KeyboardInterrupt, DivergenceError):
            self.batch = self.trainer.next_batch
            raise
        self.batch = following

    def commit(self, row: dict[str, float]) -> None:
        """End the epoch: `row` joins the history, in place of any row of a rewound future."""
        while self.rows and self.rows[-1]["epoch"] >= self.epoch:
            self.rows.pop()
        self.rows.append(row)
        self.batch, self.epoch = 0, self.epoch + 1

    @property
    def history(self) -> dict[str, list[float]]:
        """The rows as columns; NaN where an epoch lacks a value."""
        names = dict.fromkeys(name for row in self.rows for name in row)
        return {name: [row.get(name, np.nan) for row in self.rows] for name in names}

    def state(self) -> dict[str, Any]:
        """Everything but the history and the options: counters, and arrays by name."""
        arrays: Arrays = {name: getattr(self.model, name) for name in self.parameters}
        arrays.update(self.trainer.state())
        counters = {"epoch": self.epoch, "batch": self.batch, "draws": self.model.draws}
        return {"counters": counters, "arrays": arrays}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back, or on, to a `state` of a model of the same sizes and seed."""
        arrays = dict(state["arrays"])
        for name in self.parameters:
            setattr(self.model, name, arrays.pop(name))
        self.trainer.restore(self.fitted(arrays, self._options))
        counters = state["counters"]
        self.epoch, self.batch = counters["epoch"], counters["batch"]
        self.model.draws = counters["draws"]

    def __getstate__(self) -> dict[str, Any]:
        stored = self._options, self.trainer.state()
        return {**self.__dict__, "_trainer": None, "_options": {}, "stored": stored}

    def __setstate__(self, state: dict[str, Any]) -> None:
        options, trainer = state.pop("stored")
        self.__dict__.update(state)
        self.prepare(options)
        self.trainer.restore(trainer)
