"""The deep Boltzmann machine in training: its trainer, its chains, its measures."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _core
from ..models import DBM
from ._data import blocks
from ._job import Job
from ._training import Arrays, CoreTrainer, Training

__all__ = ["DBMTraining"]


class DBMTraining(Training):
    """A `models.DBM` in training by mean field and persistent chains."""

    parameters = ()  # as many as there are layers: see state and restore
    model: DBM

    def _make_trainer(self, options: dict[str, Any]) -> CoreTrainer:
        given = _core.DBMTrainOptions()
        for name, value in options.items():
            setattr(given, name, value)
        self.model.mean_field_iterations = options["mean_field_iterations"]
        self.model.mean_field_tolerance = options["mean_field_tolerance"]
        return _core.DBMTrainer(self.model._dbm, given)

    def fitted(self, state: Arrays, options: dict[str, Any]) -> Arrays:
        """As many chains as asked for: more go round the old ones again."""
        return {
            name: np.resize(x, (options["n_chains"], x.shape[1]))
            if name.startswith("chains")
            else x
            for name, x in state.items()
        }

    def state(self) -> dict[str, Any]:
        now = super().state()
        now["arrays"].update(self.model.named_parameters())
        return now

    def restore(self, state: dict[str, Any]) -> None:
        self.model.set_named_parameters(state["arrays"])
        super().restore(state)

    def measures(self, job: Job) -> dict[str, float]:
        """Mean-field iterations, reconstruction error and the bound but for log Z."""
        logs = _measures(self.model, job.watched, "", job.op)
        if job.validation is not None:
            valid = _measures(self.model, job.validation, "validation_", job.op)
            del valid["validation_mean_field_iterations"]
            gap = logs["unnormalised_bound"] - valid["validation_unnormalised_bound"]
            logs.update(valid, bound_gap=gap)
        return logs


def _measures(model: DBM, X: Any, prefix: str, op: str) -> dict[str, float]:
    error = bound = 0.0
    iterations = 0
    for _, v in blocks(X, op):
        field = model.infer(v)
        iterations = max(iterations, field.iterations)
        error += float(np.square(np.asarray(v) - model.visible_mean(field)).mean(axis=1).sum())
        bound += float(model.bound_of(v, field).sum())
    n = X.shape[0]
    return {
        f"{prefix}reconstruction_error": error / n,
        f"{prefix}unnormalised_bound": bound / n,
        f"{prefix}mean_field_iterations": float(iterations),
    }
