"""The deep belief network in training: greedy stages, one per layer, then up-down."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _core
from ..models import RBM, DeepBeliefNetwork
from ._chains import with_chains
from ._data import as_dataset, blocks, log_odds
from ._dbn_settings import DBNSettings
from ._job import Job, Plan
from ._rbm_training import core_options, rbm_measures
from ._training import Arrays, CoreTrainer, Training

__all__ = ["DBNTraining", "Rows", "begin_dbn", "new_network"]


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


class DBNTraining(Training):
    """A `models.DeepBeliefNetwork` in training.

    Epochs count through all stages. In a greedy stage an RBM trains on the means of the layers
    below, drawn anew for every batch, and its weights serve upwards and downwards; the network
    has them after every call of the core. So counters, parameters and the state of the stage's
    trainer are all that a resumed run needs.
    """

    parameters = ()  # as many as there are layers: see state and restore
    model: DeepBeliefNetwork

    def __init__(self, model: DeepBeliefNetwork, options: dict[str, Any]) -> None:
        self._stage = -1
        self._rbm: Any = None  # a step-level model of the layer
        self._means: tuple[Any, ...] = _NO_MEANS
        super().__init__(model, options)

    @property
    def depth(self) -> int:
        """Number of hidden layers."""
        return len(self.model.layer_sizes) - 1

    @property
    def stage(self) -> int:
        """The layer that the epoch in progress trains, counted from 0; `depth` for up-down."""
        n = self._options["n_iter"]
        return self.depth if self.epoch >= n * self.depth else self.epoch // n

    @property
    def trainer(self) -> CoreTrainer:
        """The trainer of the core for the stage in progress."""
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

    def _make_trainer(self, options: dict[str, Any]) -> CoreTrainer:
        self._stage, self._rbm = self.stage, None
        if self._stage == self.depth:
            chosen = _core.UpDownOptions()
            for name, value in options["up_down"].items():
                setattr(chosen, name, value)
            return _core.UpDownTrainer(self.model._dbn, chosen)
        self._rbm = self._layer(self._stage)
        greedy = options["greedy"]
        # Hidden means are probabilities of states always.
        sampled = greedy["sample_input"] or self._stage > 0
        return self._greedy_trainer({**greedy, "sample_input": sampled})

    def _greedy_trainer(self, options: dict[str, Any]) -> CoreTrainer:
        """A trainer of the core for the stage's RBM."""
        return _core.Trainer(self._rbm._rbm, core_options(options))

    def fitted(self, state: Arrays, options: dict[str, Any]) -> Arrays:
        if self.stage == self.depth:
            return state
        return with_chains(state, options["greedy"], self.model.layer_sizes[self.stage + 1])

    def _names(self, stage: int) -> dict[str, str]:
        """The parameters of a stage's RBM, and what the network calls them."""
        if stage == self.depth - 1:
            return {name: f"top_{name}" for name in ("W", "v_bias", "h_bias")}
        lower, upper = f"down_bias_{stage}", f"up_bias_{stage}"
        return {"W": f"generative_{stage}", "v_bias": lower, "h_bias": upper}

    def _new_rbm(self, below: int, above: int, **options: Any) -> Any:
        """An RBM for the stage in progress."""
        return RBM(below, above, **options)

    def _layer(self, stage: int) -> Any:
        """A layer as an RBM of its own."""
        model, p = self.model, self.model.parameters
        below, above = model.layer_sizes[stage : stage + 2]
        rbm = self._new_rbm(
            below, above, random_state=model.seed, device=model.device, n_threads=model.n_threads
        )
        for ours, name in self._names(stage).items():
            setattr(rbm, ours, p[name])
        return rbm

    def _publish(self) -> None:
        """Give the network what the stage's RBM has learned."""
        if self._rbm is None:
            return
        names = self._names(self._stage)
        values = {name: getattr(self._rbm, ours) for ours, name in names.items()}
        if self._stage < self.depth - 1:
            values[f"recognition_{self._stage}"] = self._rbm.W
        self.model.set_parameters(**values)
        self.model.draws = self._rbm.draws

    def plan(self, job: Job) -> Plan:
        settings: DBNSettings = job.settings  # type: ignore[assignment]
        stage = self.stage
        first = stage * settings.n_iter
        data = self._stage_data(job, stage)
        if settings.data_bias and stage < self.depth and (self.epoch, self.batch) == (first, 0):
            rows = job.data.X if stage == 0 else self._means[2]
            self.model.set_parameters(**{self._names(stage)["v_bias"]: log_odds(rows)})
            self._trainer = None
        return Plan(data, settings.of_stage(stage), self.epoch - first, {"stage": float(stage)})

    def _stage_data(self, job: Job, stage: int) -> Any:
        if stage in (0, self.depth):
            self._means = _NO_MEANS
            return job.data.dataset
        if self._means[0] != stage or self._means[1] is not job.data:
            means = self.layer_means(job.data.X, stage, job.op)
            self._means = stage, job.data, means, as_dataset(means, job.op, self.model.device)
        return self._means[3]

    def layer_means(self, X: Any, layer: int, op: str) -> Any:
        """Mean-field states of a layer below the top one, (n, N_layer); X for the visible one."""
        if layer == 0:
            return X
        out = np.empty((X.shape[0], self.model.layer_sizes[layer]), np.float32)
        for rows, v in blocks(X, op):
            out[rows] = self.model.recognise(v, mean_field=True)[layer - 1]
        return out

    def train_epoch(self, *args: Any) -> None:
        if self._rbm is not None:
            self._rbm.draws = self.model.draws
        try:
            super().train_epoch(*args)
        finally:
            self._publish()

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
        error = 0.0
        for _, v in blocks(X, op):
            v_prob = self.model.mean_reconstruction(v)
            error += float(np.square(np.asarray(v) - v_prob).mean(axis=1, dtype=np.float64).sum())
        return {f"{prefix}reconstruction_error": error / X.shape[0]}

    def state(self) -> dict[str, Any]:
        now = super().state()
        now["arrays"].update(self.model.parameters)
        return now

    def restore(self, state: dict[str, Any]) -> None:
        arrays = dict(state["arrays"])
        self.model.set_parameters(**{name: arrays.pop(name) for name in self.model.parameters})
        self.epoch = state["counters"]["epoch"]
        self._trainer = None  # of the stage that this epoch is in
        super().restore({"arrays": arrays, "counters": state["counters"]})

    def __getstate__(self) -> dict[str, Any]:
        kept = super().__getstate__()
        return {**kept, "_rbm": None, "_stage": -1, "_means": _NO_MEANS}


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
