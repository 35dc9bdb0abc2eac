"""The classification RBM in training: its trainer, its chains, its measures."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from ..models import ClassificationRBM
from ..models.classification_rbm import PARAMETERS
from ._chains import chain_shapes, with_chains
from ._classification_settings import ClassificationSettings
from ._data import blocks
from ._job import Job
from ._training import Arrays, CoreTrainer, Training

__all__ = ["ClassificationTraining", "begin", "label_measures", "state_shapes"]


def _chain_options(options: dict[str, Any]) -> dict[str, Any]:
    return {**options, "n_temperatures": 1}


def state_shapes(sizes: dict[str, int], options: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """The arrays of a state with their shapes; sizes of V, H and K."""
    v, h, k = sizes["V"], sizes["H"], sizes["K"]
    shapes: dict[str, tuple[int, ...]] = {
        "W": (v, h), "U": (k, h), "v_bias": (v,), "h_bias": (h,), "y_bias": (k,)
    }  # fmt: skip
    shapes |= {f"velocity_{name}": shape for name, shape in shapes.items()}
    return shapes | chain_shapes(_chain_options(options), h)


class ClassificationTraining(Training):
    """A `models.ClassificationRBM` in training."""

    parameters = PARAMETERS
    model: ClassificationRBM

    def _make_trainer(self, options: dict[str, Any]) -> CoreTrainer:
        chosen = _core.ClassificationOptions()
        for name, value in options.items():
            setattr(chosen, name, value)
        return _core.ClassificationTrainer(self.model._rbm, chosen)

    def fitted(self, state: Arrays, options: dict[str, Any]) -> Arrays:
        return with_chains(state, _chain_options(options), self.model.h_size)

    def measures(self, job: Job) -> dict[str, float]:
        """Mean log p(y | v) and accuracy."""
        return label_measures(self.model, job)


def label_measures(model: Any, job: Job) -> dict[str, float]:
    """Mean log p(y | v) and accuracy on the watched rows, and on those set aside."""
    logs = _measured(model, job.watched, job.watched_target.codes, "", job.op)
    if job.validation is not None:
        target = job.validation_target.codes
        logs |= _measured(model, job.validation, target, "validation_", job.op)
    return logs


def _measured(
    model: Any, X: Any, y: npt.NDArray[np.int64], prefix: str, op: str
) -> dict[str, float]:
    log_p = np.concatenate([model.log_proba(v) for _, v in blocks(X, op)])
    return {
        f"{prefix}log_likelihood": float(log_p[np.arange(len(y)), y].mean()),
        f"{prefix}accuracy": float((log_p.argmax(axis=1) == y).mean()),
    }


def begin(
    visible: int, classes: int, settings: ClassificationSettings, seed: int
) -> ClassificationTraining:
    """A new model, ready to train."""
    model = ClassificationRBM(
        visible,
        settings.n_hidden,
        classes,
        random_state=seed,
        device=settings.device,
        n_threads=settings.n_threads or None,
    )
    return ClassificationTraining(model, settings.options)
