"""The deep belief network with labels in training."""

from __future__ import annotations

from typing import Any

from .. import _core
from ..models import ClassificationRBM
from ._classification_training import label_measures
from ._dbn_settings import DBNSettings
from ._dbn_training import DBNTraining, new_network
from ._greedy import Rows
from ._job import Job
from ._labels import Labels
from ._training import CoreTrainer

__all__ = ["LabelledDBNTraining", "LabelledRows", "begin_labelled"]


class LabelledRows(Rows):
    """Training rows and their labels."""

    def __init__(self, X: Any, target: Labels, op: str, device: str) -> None:
        super().__init__(X, op, device)
        self.labels: list[int] = target.codes.tolist()


class LabelledDBNTraining(DBNTraining):
    """The same, with labels beside the layer below the top one.

    The last greedy stage trains a classification RBM on the features of that layer and the
    labels, by the joint likelihood alone; up-down trains on rows with labels.
    """

    def _has_labels(self, stage: int) -> bool:
        return stage >= self.depth - 1

    def _names(self, stage: int) -> dict[str, str]:
        names = super()._names(stage)
        if self._has_labels(stage):
            names |= {name: f"top_{name}" for name in ("U", "y_bias")}
        return names

    def _new_rbm(self, stage: int, below: int, above: int, **options: Any) -> Any:
        if self._has_labels(stage):
            return ClassificationRBM(below, above, self.model.n_classes, **options)
        return super()._new_rbm(stage, below, above, **options)

    def _greedy_trainer(self, options: dict[str, Any]) -> CoreTrainer:
        if not self._has_labels(self._stage):
            return super()._greedy_trainer(options)
        chosen = _core.ClassificationOptions()
        chosen.discriminative, chosen.generative = 0.0, 1.0
        for name in ("persistent", "k", "n_chains", "l2", "sample_input"):
            setattr(chosen, name, options[name])
        return _core.ClassificationTrainer(self._rbm._rbm, chosen)

    def _stage_data(self, rows: Any, op: str) -> Any:
        data = super()._stage_data(rows, op)
        return _core.LabelledDataset(data, rows.labels) if self._has_labels(self.stage) else data

    def measures(self, job: Job) -> dict[str, float]:
        """Where labels take part, log p(y | v), accuracy and the network's reconstruction error."""
        if not self._has_labels(self._stage):
            return super().measures(job)
        logs = label_measures(self.model, job)
        logs |= self._reconstruction_error(job.watched, "", job.op)
        if job.validation is not None:
            logs |= self._reconstruction_error(job.validation, "validation_", job.op)
        return logs


def begin_labelled(
    visible: int, classes: int, settings: DBNSettings, seed: int
) -> LabelledDBNTraining:
    """A new network with so many labels, ready to train."""
    return LabelledDBNTraining(new_network(visible, settings, seed, classes), settings.options)
