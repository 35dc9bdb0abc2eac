"""The Bernoulli RBM in training: its trainer, its chains, its measures."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from .. import _core
from .._validation import as_batch
from ..models import RBM, TemperingReport
from ._chains import chain_shapes, rows_at_beta_one, with_chains
from ._data import blocks
from ._job import Job
from ._rbm_settings import Settings
from ._scores import watched_pseudo_likelihood
from ._training import Arrays, CoreTrainer, Training

__all__ = ["RBMTraining", "begin", "core_options", "rbm_measures", "state_shapes"]


def core_options(options: dict[str, Any]) -> _core.TrainOptions:
    """The core's options from a dictionary."""
    out = _core.TrainOptions()
    for name, value in options.items():
        setattr(out, name, value)
    return out


def state_shapes(visible: int, hidden: int, options: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """The arrays of a trainer's state, with their shapes."""
    out: dict[str, tuple[int, ...]] = {"velocity_W": (visible, hidden)}
    out |= dict.fromkeys(("velocity_v_bias", "visible_offset"), (visible,))
    out |= dict.fromkeys(("velocity_h_bias", "hidden_offset", "hidden_activity"), (hidden,))
    return out | chain_shapes(options, hidden)


class RBMTraining(Training):
    """A `models.RBM` in training by contrastive divergence, persistent or tempered or neither."""

    parameters: ClassVar[tuple[str, ...]] = ("W", "v_bias", "h_bias")
    model: RBM

    def _make_trainer(self, options: dict[str, Any]) -> CoreTrainer:
        return _core.Trainer(self.model._rbm, core_options(options))

    def fitted(self, state: Arrays, options: dict[str, Any]) -> Arrays:
        return with_chains(state, options, self.model.h_size)

    @property
    def chains(self) -> npt.NDArray[np.float32] | None:
        """Hidden states of the persistent chains, at inverse temperature 1; None without any."""
        state = self.trainer.state()
        return state["chains"][rows_at_beta_one(state)] if "chains" in state else None

    @chains.setter
    def chains(self, value: npt.ArrayLike) -> None:
        op, now = "BernoulliRBM.h_samples_", self.chains
        chains = as_batch(value, "h_samples_", op, self.model.h_size, binary=True)
        if now is None or now.shape != chains.shape:
            expected = "none without persistent chains" if now is None else f"shape {now.shape}"
            raise ValueError(f"[{op}] h_samples_ must be {expected}, got shape {chains.shape}")
        state = self.trainer.state()
        state["chains"][rows_at_beta_one(state)] = chains
        self.trainer.restore(state)

    @property
    def tempering(self) -> TemperingReport | None:
        """How parallel tempering goes, since the ladder last moved; None without."""
        now = self.trainer.tempering  # type: ignore[attr-defined]
        if now is None:
            return None
        betas, swap_rates, round_trips, sweeps = now
        n_chains = int(self._options["n_chains"])
        return TemperingReport(betas, swap_rates, round_trips, sweeps, n_chains)

    def measures(self, job: Job) -> dict[str, float]:
        """Pseudo-likelihood, reconstruction error and free energies."""
        logs = rbm_measures(self.model, job.watched, "", job.op)
        if job.validation is not None:
            valid = rbm_measures(self.model, job.validation, "validation_", job.op)
            gap = valid.pop("validation_free_energy") - logs["free_energy"]
            logs.update(valid, free_energy_gap=gap)
        del logs["free_energy"]
        return logs


def rbm_measures(model: RBM, X: Any, prefix: str, op: str) -> dict[str, float]:
    error = energy = 0.0
    for _, v in blocks(X, op):
        v_prob = model.visible_mean(model.hidden_mean(v))
        error += float(
            np.square(np.asarray(v) - np.asarray(v_prob)).mean(axis=1, dtype=np.float64).sum()
        )
        energy += float(model.free_energy(v).sum())
    n = X.shape[0]
    return {
        f"{prefix}pseudo_likelihood": watched_pseudo_likelihood(model, X, op),
        f"{prefix}reconstruction_error": error / n,
        f"{prefix}free_energy": energy / n,
    }


def begin(visible: int, hidden: int, settings: Settings, seed: int) -> RBMTraining:
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
    return RBMTraining(model, settings.options)
