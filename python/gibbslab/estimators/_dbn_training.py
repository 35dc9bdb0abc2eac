"""The deep belief network in training: greedy stages, one per layer, then up-down."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _core
from ..models import RBM, DeepBeliefNetwork
from ._data import blocks, by_blocks, log_odds, squared_error
from ._dbn_settings import DBNSettings
from ._greedy import GreedyTraining
from ._job import Job, Plan
from ._rbm_training import rbm_measures
from ._training import CoreTrainer

__all__ = ["DBNTraining", "begin_dbn", "new_network"]


class DBNTraining(GreedyTraining):
    """A `models.DeepBeliefNetwork` in training: the weights of a greedy stage serve both ways."""

    model: DeepBeliefNetwork

    @property
    def stage_epochs(self) -> int:
        return int(self._options["n_iter"])

    def _joint_trainer(self, options: dict[str, Any]) -> CoreTrainer:
        chosen = _core.UpDownOptions()
        for name, value in options["up_down"].items():
            setattr(chosen, name, value)
        return _core.UpDownTrainer(self.model._dbn, chosen)

    def _names(self, stage: int) -> dict[str, str]:
        """The parameters of a stage's RBM, and what the network calls them."""
        if stage == self.depth - 1:
            return {name: f"top_{name}" for name in ("W", "v_bias", "h_bias")}
        lower, upper = f"down_bias_{stage}", f"up_bias_{stage}"
        return {"W": f"generative_{stage}", "v_bias": lower, "h_bias": upper}

    def _new_rbm(self, stage: int, below: int, above: int, **options: Any) -> Any:
        """An RBM for a stage."""
        return RBM(below, above, **options)

    def _layer(self, stage: int) -> Any:
        model, p = self.model, self.model.parameters
        below, above = model.layer_sizes[stage : stage + 2]
        options = {"random_state": model.seed, "device": model.device, "n_threads": model.n_threads}
        rbm = self._new_rbm(stage, below, above, **options)
        for ours, name in self._names(stage).items():
            setattr(rbm, ours, p[name])
        return rbm

    def _publish(self, stage: int, rbm: Any) -> None:
        values = {name: getattr(rbm, ours) for ours, name in self._names(stage).items()}
        if stage < self.depth - 1:
            values[f"recognition_{stage}"] = rbm.W
        self.model.set_parameters(**values)

    def plan(self, job: Job) -> Plan:
        settings: DBNSettings = job.settings  # type: ignore[assignment]
        stage = self.stage
        data = self._stage_data(job.data, job.op)
        begins = (self.epoch, self.batch) == (stage * self.stage_epochs, 0)
        if settings.data_bias and stage < self.depth and begins:
            rows = job.data.X if stage == 0 else self._means[2]
            self.model.set_parameters(**{self._names(stage)["v_bias"]: log_odds(rows)})
            self._trainer = None
        return Plan(data, *self.standing(settings), {"stage": float(stage)})

    def layer_means(self, X: Any, layer: int, op: str) -> Any:
        if layer == 0:
            return X

        def means(v: Any) -> Any:
            return self.model.recognise(v, mean_field=True)[layer - 1]

        return by_blocks(X, op, means, self.model.layer_sizes[layer], np.float32)

    def measures(self, job: Job) -> dict[str, float]:
        """In a greedy stage those of its RBM; the network's own reconstruction error in up-down."""
        logs = self._watch(job.watched, "", job.op)
        if job.validation is not None:
            logs.update(self._watch(job.validation, "validation_", job.op))
        return logs

    def _watch(self, X: Any, prefix: str, op: str) -> dict[str, float]:
        if self._rbm is not None:
            rows = self.layer_means(X, self._stage, op)
            logs = rbm_measures(self._rbm, rows, prefix, op)
            del logs[f"{prefix}free_energy"]
            return logs
        return self._reconstruction_error(X, prefix, op)

    def _reconstruction_error(self, X: Any, prefix: str, op: str) -> dict[str, float]:
        """The network's own."""
        errors = (squared_error(v, self.model.mean_reconstruction(v)) for _, v in blocks(X, op))
        return {f"{prefix}reconstruction_error": sum(errors) / X.shape[0]}

    def state(self) -> dict[str, Any]:
        now = super().state()
        now["arrays"].update(self.model.parameters)
        return now

    def restore(self, state: dict[str, Any]) -> None:
        arrays = dict(state["arrays"])
        self.model.set_parameters(**{name: arrays.pop(name) for name in self.model.parameters})
        super().restore({"arrays": arrays, "counters": state["counters"]})


def new_network(
    visible: int, settings: DBNSettings, seed: int, classes: int = 0
) -> DeepBeliefNetwork:
    """A network with weights from Normal(0, 0.01^2)."""
    model = DeepBeliefNetwork(
        (visible, *settings.hidden_layer_sizes),
        settings.options["up_down"]["k"],
        n_classes=classes,
        random_state=seed,
        device=settings.device,
        n_threads=settings.n_threads or None,
    )
    model._dbn.initialize(0.01)
    return model


def begin_dbn(visible: int, settings: DBNSettings, seed: int) -> DBNTraining:
    """A new network, ready to train."""
    return DBNTraining(new_network(visible, settings, seed), settings.options)
