"""What training changes: weights, velocities, chains, and the place in the epoch."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from .._validation import as_batch
from ..errors import DivergenceError
from ..models import RBM
from ._settings import Settings

__all__ = ["Training", "begin", "with_chains"]

Arrays = dict[str, npt.NDArray[Any]]

PARAMETERS = ("W", "v_bias", "h_bias")


class Training:
    """A model in training. Its `state` is all that a resumed run needs to go on bit for bit.

    Attributes
    ----------
    model : RBM
    epoch : int
        Epochs completed.
    batch : int
        Batches of the epoch in progress that are done.
    rows : list of dict
        One row of the history per completed epoch.
    """

    def __init__(self, model: RBM, options: dict[str, Any]) -> None:
        self.model = model
        self.epoch = 0
        self.batch = 0
        self.rows: list[dict[str, float]] = []
        self._options: dict[str, Any] = {}
        self._trainer: _core.Trainer | None = None
        self.prepare(options)

    @property
    def trainer(self) -> _core.Trainer:
        """The trainer of the core, for the options of the latest `prepare`."""
        if self._trainer is None:
            raise RuntimeError("[Training] no trainer before prepare")
        return self._trainer

    def prepare(self, options: dict[str, Any]) -> None:
        """Make the trainer follow `options`; velocities and chains go on where they are."""
        if self._trainer is not None and options == self._options:
            return
        state = {} if self._trainer is None else self._trainer.state()
        fitted = _core.TrainOptions()
        for name, value in options.items():
            setattr(fitted, name, value)
        trainer = _core.Trainer(self.model._rbm, fitted)
        trainer.restore(with_chains(state, options, self.model.h_size))
        self._options, self._trainer = dict(options), trainer

    @property
    def chains(self) -> npt.NDArray[np.float32] | None:
        """Hidden states of the persistent chains, (n_chains, H); None with ``method="cd"``."""
        return self.trainer.state().get("chains")

    @chains.setter
    def chains(self, value: npt.ArrayLike) -> None:
        op, now = "BernoulliRBM.h_samples_", self.chains
        chains = as_batch(value, "h_samples_", op, self.model.h_size, binary=True)
        if now is None or now.shape != chains.shape:
            expected = "none with method='cd'" if now is None else f"shape {now.shape}"
            raise ValueError(f"[{op}] h_samples_ must be {expected}, got shape {chains.shape}")
        self.trainer.restore({"chains": chains})

    def train(
        self,
        data: _core.Dataset,
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
        data: _core.Dataset,
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
        arrays: Arrays = {name: getattr(self.model, name) for name in PARAMETERS}
        arrays.update(self.trainer.state())
        counters = {"epoch": self.epoch, "batch": self.batch, "draws": self.model.draws}
        return {"counters": counters, "arrays": arrays}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back, or on, to a `state` of a model of the same sizes and seed."""
        arrays = dict(state["arrays"])
        for name in PARAMETERS:
            setattr(self.model, name, arrays.pop(name))
        self.trainer.restore(with_chains(arrays, self._options, self.model.h_size))
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


def with_chains(state: Arrays, options: dict[str, Any], hidden: int) -> Arrays:
    """The state with as many chains as the options ask for.

    More chains go round the old ones again; where there were none, all units are 0.
    """
    out = {name: value for name, value in state.items() if name != "chains"}
    if options["persistent"]:
        old = state.get("chains", np.zeros((1, hidden), np.float32))
        out["chains"] = np.resize(old, (options["n_chains"], hidden))
    return out


def begin(visible: int, hidden: int, settings: Settings, seed: int) -> Training:
    """A new model with weights from Normal(0, 0.01^2), ready to train."""
    model = RBM(
        visible,
        hidden,
        settings.options["k"],
        random_state=seed,
        device=settings.device,
        n_threads=settings.n_threads or None,
    )
    model._rbm.initialize(0.01)
    return Training(model, settings.options)
