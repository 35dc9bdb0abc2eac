"""The deep Boltzmann machine in training: its stages, its trainer, its chains, its measures."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from ..models import DBM, RBM
from ._data import blocks, by_blocks, log_odds, squared_error
from ._dbm_settings import DBMSettings
from ._greedy import GreedyTraining
from ._job import Job, Plan
from ._training import Arrays, CoreTrainer

__all__ = ["DBMTraining", "begin_dbm", "new_model"]


class DBMTraining(GreedyTraining):
    """A `models.DBM` in training by mean field and persistent chains, after greedy stages or none.

    In a greedy stage the first RBM's input is doubled on the way up, the last one's on the way
    down, those between both ways (Salakhutdinov and Hinton 2009, section 3): each stands for the
    layer that it lacks. A layer between two RBMs has a bias from each, and then their mean.
    """

    model: DBM

    def __init__(self, model: DBM, options: dict[str, Any]) -> None:
        # Visible biases of the upper RBMs; the model holds the lower ones' hidden biases.
        self._down: list[npt.NDArray[np.float32]] = [
            np.zeros(n, np.float32) for n in model.layer_sizes[1:-1]
        ]
        super().__init__(model, options)

    @property
    def stage_epochs(self) -> int:
        return int(self._options["pretrain_iter"])

    def _layer(self, stage: int) -> RBM:
        model = self.model
        below, above = model.layer_sizes[stage : stage + 2]
        rbm = RBM(
            below, above, random_state=model.seed, device=model.device, n_threads=model.n_threads
        )
        rbm.W, rbm.h_bias = model.weights[stage], model.biases[stage + 1]
        rbm.v_bias = self._down[stage - 1] if stage else model.biases[0]
        up = 2.0 if stage + 1 < self.depth else 1.0
        rbm._rbm.set_input_scales(up, 2.0 if stage else 1.0)
        return rbm

    def _publish(self, stage: int, rbm: RBM) -> None:
        weights, biases = list(self.model.weights), list(self.model.biases)
        weights[stage], biases[stage + 1] = rbm.W, rbm.h_bias
        if stage:
            self._down[stage - 1] = rbm.v_bias
        else:
            biases[0] = rbm.v_bias
        self.model.weights, self.model.biases = weights, biases

    def _joint_trainer(self, options: dict[str, Any]) -> CoreTrainer:
        given = _core.DBMTrainOptions()
        for name, value in options["joint"].items():
            setattr(given, name, value)
        self.model.mean_field_iterations = given.mean_field_iterations
        self.model.mean_field_tolerance = given.mean_field_tolerance
        return _core.DBMTrainer(self.model._dbm, given)

    def fitted(self, state: Arrays, options: dict[str, Any]) -> Arrays:
        """As many chains as asked for: more go round the old ones again."""
        if self.stage < self.depth:
            return super().fitted(state, options)
        return {
            name: np.resize(x, (options["joint"]["n_chains"], x.shape[1]))
            if name.startswith("chains")
            else x
            for name, x in state.items()
        }

    def plan(self, job: Job) -> Plan:
        logs = {"stage": float(self.stage)} if self.stage_epochs else {}
        data = self._stage_data(job.data, job.op)
        return Plan(data, *self.standing(job.settings), logs)

    def layer_means(self, X: Any, layer: int, op: str) -> Any:
        if layer == 0:
            return X
        below = [self._layer(stage) for stage in range(layer)]

        def means(v: Any) -> Any:
            for rbm in below:
                v = np.asarray(rbm.hidden_mean(v))
            return v

        return by_blocks(X, op, means, self.model.layer_sizes[layer], np.float32)

    def commit(self, row: dict[str, float]) -> None:
        if self.stage_epochs and self.epoch + 1 == self.greedy_epochs:
            bottom, *between, top = self.model.biases
            # Twice does no harm, should Ctrl-C come before the epoch is counted.
            self._down = [0.5 * up + 0.5 * down for up, down in zip(between, self._down)]
            self.model.biases = [bottom, *self._down, top]
        super().commit(row)

    def state(self) -> dict[str, Any]:
        now = super().state()
        now["arrays"].update(self.model.named_parameters())
        if self.stage < self.depth:
            down = {f"down_bias{layer}": b for layer, b in enumerate(self._down, 1)}
            now["arrays"].update({name: np.array(b) for name, b in down.items()})
        return now

    def restore(self, state: dict[str, Any]) -> None:
        arrays = dict(state["arrays"])
        self.model.set_named_parameters(arrays)
        for layer, old in enumerate(self._down, 1):
            self._down[layer - 1] = np.array(arrays.pop(f"down_bias{layer}", old))
        own = self.model.named_parameters()
        arrays = {name: x for name, x in arrays.items() if name not in own}
        super().restore({"arrays": arrays, "counters": state["counters"]})

    def measures(self, job: Job) -> dict[str, float]:
        """Reconstruction error; with all layers also mean field and the bound but for log Z."""
        logs = self._watch(job.watched, "", job.op)
        if job.validation is None:
            return logs
        valid = self._watch(job.validation, "validation_", job.op)
        if self._rbm is None:
            del valid["validation_mean_field_iterations"]
            gap = logs["unnormalised_bound"] - valid["validation_unnormalised_bound"]
            logs["bound_gap"] = gap
        return logs | valid

    def _watch(self, X: Any, prefix: str, op: str) -> dict[str, float]:
        if self._rbm is None:
            return _measures(self.model, X, prefix, op)
        rows, rbm = self.layer_means(X, self._stage, op), self._rbm
        errors = (
            squared_error(v, rbm.visible_mean(rbm.hidden_mean(v))) for _, v in blocks(rows, op)
        )
        return {f"{prefix}reconstruction_error": sum(errors) / X.shape[0]}


def _measures(model: DBM, X: Any, prefix: str, op: str) -> dict[str, float]:
    error = bound = 0.0
    iterations = 0
    for _, v in blocks(X, op):
        field = model.infer(v)
        iterations = max(iterations, field.iterations)
        error += squared_error(v, model.visible_mean(field))
        bound += float(model.bound_of(v, field).sum())
    n = X.shape[0]
    return {
        f"{prefix}reconstruction_error": error / n,
        f"{prefix}unnormalised_bound": bound / n,
        f"{prefix}mean_field_iterations": float(iterations),
    }


def new_model(visible: int, settings: DBMSettings, seed: int) -> DBM:
    """A DBM with weights from Normal(0, 0.01^2)."""
    options = settings.options["joint"]
    names = ("n_chains", "mean_field_iterations", "mean_field_tolerance", "centered")
    return DBM(
        (visible, *settings.hidden_layer_sizes),
        cd_k=options["k"],
        random_state=seed,
        device=settings.device,
        n_threads=settings.n_threads or None,
        **{name: options[name] for name in names},
    )


def begin_dbm(X: Any, settings: DBMSettings, seed: int) -> DBMTraining:
    """A new model with the visible biases of the data, ready to train."""
    model = new_model(X.shape[1], settings, seed)
    model.biases = [log_odds(X), *model.biases[1:]]
    return DBMTraining(model, settings.options)
