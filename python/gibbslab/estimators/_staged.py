"""Training in stages: one for each layer from below, then one for all of them."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from ._training import CoreTrainer, Training

__all__ = ["StagedTraining"]


class StagedTraining(Training):
    """A model of several layers in training. Epochs count through all stages.

    Counters, parameters and the state of the trainer of the stage in progress are all that a
    resumed run needs.
    """

    parameters = ()  # as many as there are layers

    def __init__(self, model: Any, options: dict[str, Any]) -> None:
        self._stage = -1
        super().__init__(model, options)

    @property
    @abstractmethod
    def stage_epochs(self) -> int:
        """Epochs of a greedy stage."""

    @property
    @abstractmethod
    def depth(self) -> int:
        """Number of hidden layers that are trained one by one."""

    @property
    def greedy_epochs(self) -> int:
        """Epochs of all greedy stages."""
        return self.depth * self.stage_epochs

    @property
    def stage(self) -> int:
        """The layer that the epoch in progress trains, counted from 0; `depth` for all."""
        return self.depth if self.epoch >= self.greedy_epochs else self.epoch // self.stage_epochs

    @property
    def trainer(self) -> CoreTrainer:
        """The trainer for the stage in progress."""
        if self._trainer is None or self._stage != self.stage:
            self._trainer = self._make_trainer(self._options)
            self._trainer.restore(self.fitted({}, self._options))
        return self._trainer

    def prepare(self, options: dict[str, Any]) -> None:
        """Make the trainer follow `options`; velocities and chains go on where they are."""
        if options == self._options:
            return
        state = self.trainer.state() if self._options else {}
        self._options = dict(options)
        trainer = self._make_trainer(options)
        trainer.restore(self.fitted(state, options))
        self._trainer = trainer

    def restore(self, state: dict[str, Any]) -> None:
        self.epoch = state["counters"]["epoch"]
        self._trainer = None  # of the stage that this epoch is in
        super().restore(state)

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_stage": -1}
