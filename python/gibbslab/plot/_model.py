"""A copy of a model that may be sampled freely."""

from __future__ import annotations

from typing import Any

from ..metrics._model import step_model
from ..models import RBM


def sampling_copy(estimator: Any, random_state: Any, operation: str) -> RBM:
    """A model with the parameters of `estimator` and its own random stream."""
    model = step_model(estimator, operation)
    copy = RBM(
        model.v_size,
        model.h_size,
        model.cd_k,
        random_state=random_state,
        device=model.device,
        n_threads=model.n_threads,
    )
    copy.W, copy.v_bias, copy.h_bias = model.W, model.v_bias, model.h_bias
    return copy
