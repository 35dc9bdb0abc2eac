"""The Gaussian RBM in training: its parameters resolved, its trainer, its measures."""

from __future__ import annotations

import numbers
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _core
from .._validation import as_integer
from ..models import RBM
from ..units import Gaussian
from ._data import blocks
from ._job import Job
from ._rbm_settings import rbm_options
from ._rbm_training import RBMTraining
from ._settings import LoopSettings, as_choice, loop_settings
from ._training import CoreTrainer

__all__ = ["GaussianSettings", "GaussianTraining", "begin", "resolve"]


@dataclass(frozen=True)
class GaussianSettings(LoopSettings):
    """What one call of ``fit`` or ``partial_fit`` works with; options of the core's trainer."""

    n_components: int
    visible: Gaussian
    data_bias: bool


def _visible(estimator: Any, op: str) -> Gaussian:
    given = estimator.variance
    if not isinstance(given, (str, numbers.Real)):
        raise TypeError(f"[{op}] variance must be a number or 'learned', got {given!r}")
    try:
        return Gaussian(given, estimator.variance_bounds)
    except (TypeError, ValueError) as error:
        raise type(error)(f"[{op}] {str(error).removeprefix('[Gaussian] ')}") from None


def resolve(estimator: Any, op: str) -> GaussianSettings:
    """Check every parameter of the estimator; `TypeError` or `ValueError` names a wrong one."""
    loop, visible = loop_settings(estimator, op), _visible(estimator, op)
    as_choice(estimator.method, "method", op, ("cd", "pcd", "exact"))
    bias = as_choice(estimator.init_visible_bias, "init_visible_bias", op, ("zeros", "data"))
    options = rbm_options(estimator, op)
    options |= {
        "learn_variance": visible.learned,
        "least_variance": visible.bounds[0],
        "most_variance": visible.bounds[1],
    }
    return GaussianSettings(
        n_components=as_integer(estimator.n_components, "n_components", op),
        options=options,
        visible=visible,
        data_bias=bias == "data",
        **loop,
    )


class GaussianTraining(RBMTraining):
    """A Gaussian-Bernoulli `models.UnitRBM` in training."""

    parameters = ("W", "v_bias", "h_bias", "v_variance")

    def _make_trainer(self, options: dict[str, Any]) -> CoreTrainer:
        out = _core.units.UnitTrainOptions()
        for name, value in options.items():
            setattr(out, name, value)
        return _core.units.UnitTrainer(self.model._rbm, out)

    def measures(self, job: Job) -> dict[str, float]:
        """Reconstruction errors of the mean field, and the gap between free energies."""
        error, energy = _measures(self.model, job.watched, job.op)
        logs = {"reconstruction_error": error}
        if job.validation is not None:
            valid_error, valid_energy = _measures(self.model, job.validation, job.op)
            logs["validation_reconstruction_error"] = valid_error
            logs["free_energy_gap"] = valid_energy - energy
        return logs


def _measures(model: RBM, X: Any, op: str) -> tuple[float, float]:
    """Means over the rows: squared error of the mean field per unit, and free energy."""
    error = energy = 0.0
    for _, v in blocks(X, op):
        mean = np.asarray(model.visible_mean(model.hidden_mean(v)))
        error += float(np.square(np.asarray(v) - mean).mean(axis=1, dtype=np.float64).sum())
        energy += float(model.free_energy(v).sum())
    return error / X.shape[0], energy / X.shape[0]


def begin(visible: int, hidden: int, settings: GaussianSettings, seed: int) -> GaussianTraining:
    """A new model with weights from Normal(0, 0.01^2), ready to train."""
    model = RBM(
        visible,
        hidden,
        settings.options["k"],
        visible=settings.visible,
        random_state=seed,
        device=settings.device,
        n_threads=settings.n_threads or None,
    )
    model._rbm.initialize(0.01)
    return GaussianTraining(model, settings.options)
