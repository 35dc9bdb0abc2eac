"""The step-level model behind whatever a caller hands to a metric."""

from __future__ import annotations

import copy
from typing import Any

from sklearn.exceptions import NotFittedError

from ..models import RBM


def step_model(model: Any, op: str) -> RBM:
    """`model` itself, or the `model_` of a fitted estimator."""
    inner = model if isinstance(model, RBM) else getattr(model, "model_", None)
    if isinstance(inner, RBM):
        return inner
    if hasattr(model, "fit"):
        raise NotFittedError(f"[{op}] model must be fitted first, got {model!r}")
    raise TypeError(f"[{op}] model must be an RBM, got {type(model).__name__}")


def at_temperature(model: RBM, beta: float) -> RBM:
    """An independent copy at inverse temperature `beta`."""
    return copy.copy(model) if beta == 1.0 else model._at_temperature(beta)
