"""Training in stages: layer by layer from below, each as an RBM, then all layers together."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from .. import _core
from ._chains import with_chains
from ._data import as_dataset
from ._rbm_training import core_options
from ._settings import LoopSettings
from ._staged import StagedTraining
from ._training import Arrays, CoreTrainer

__all__ = ["GreedyTraining", "Rows"]

_NO_MEANS = (-1, None, None, None)  # stage, training rows, their means below it, as a data set


class Rows:
    """Training rows as the estimator checked them, and as the core takes them."""

    def __init__(self, X: Any, op: str, device: str) -> None:
        self.X = X
        self.dataset = as_dataset(X, op, device)

    @property
    def rows(self) -> int:
        """Their number."""
        return self.dataset.rows


class GreedyTraining(StagedTraining):
    """A model of several layers in training, in greedy stages as RBMs.

    In a greedy stage an RBM trains on the means of the layers below, drawn anew for every batch;
    the model has what it learned after every call of the core.
    """

    def __init__(self, model: Any, options: dict[str, Any]) -> None:
        self._rbm: Any = None  # a step-level model of the layer
        self._means: tuple[Any, ...] = _NO_MEANS
        super().__init__(model, options)

    @abstractmethod
    def _layer(self, stage: int) -> Any:
        """A layer as an RBM of its own."""

    @abstractmethod
    def _publish(self, stage: int, rbm: Any) -> None:
        """Give the model what the stage's RBM has learned."""

    @abstractmethod
    def _joint_trainer(self, options: dict[str, Any]) -> CoreTrainer:
        """A trainer of the core for all layers together."""

    @abstractmethod
    def layer_means(self, X: Any, layer: int, op: str) -> Any:
        """Means of a layer below the top one given X, (n, N_layer); X for the visible one."""

    @property
    def depth(self) -> int:
        """Number of hidden layers."""
        return len(self.model.layer_sizes) - 1

    def _make_trainer(self, options: dict[str, Any]) -> CoreTrainer:
        self._stage, self._rbm = self.stage, None
        if self._stage == self.depth:
            return self._joint_trainer(options)
        self._rbm = self._layer(self._stage)
        greedy = options["greedy"]
        # Hidden means are probabilities of states always.
        sampled = greedy["sample_input"] or self._stage > 0
        return self._greedy_trainer({**greedy, "sample_input": sampled})

    def _greedy_trainer(self, options: dict[str, Any]) -> CoreTrainer:
        """A trainer of the core for the RBM of the stage in progress."""
        return _core.Trainer(self._rbm._rbm, core_options(options))

    def fitted(self, state: Arrays, options: dict[str, Any]) -> Arrays:
        if self.stage == self.depth:
            return state
        return with_chains(state, options["greedy"], self.model.layer_sizes[self.stage + 1])

    def standing(self, settings: Any) -> tuple[LoopSettings, int]:
        return settings.of_stage(self.stage), self.epoch - self.stage * self.stage_epochs

    def _stage_data(self, rows: Rows, op: str) -> Any:
        """What the core trains on in the stage in progress."""
        stage = self.stage
        if stage in (0, self.depth):
            self._means = _NO_MEANS
            return rows.dataset
        if self._means[0] != stage or self._means[1] is not rows:
            means = self.layer_means(rows.X, stage, op)
            self._means = stage, rows, means, as_dataset(means, op, self.model.device)
        return self._means[3]

    def train(self, data: Any, *rest: Any) -> int:
        if isinstance(data, Rows):  # of `partial_fit`; an epoch's plan has taken the means already
            data = self._stage_data(data, rest[-1])
        if self._rbm is not None:
            self._rbm.draws = self.model.draws
        try:
            return super().train(data, *rest)
        finally:
            if self._rbm is not None:
                self._publish(self._stage, self._rbm)
                self.model.draws = self._rbm.draws

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_rbm": None, "_means": _NO_MEANS}
