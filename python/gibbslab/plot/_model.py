"""Models behind displays: a copy that may be sampled freely, and what networks reconstruct."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from ..metrics._model import step_model
from ..models import RBM, VAE, Autoencoder


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


def reconstructed(estimator: Any, X: ArrayLike) -> NDArray[np.float32] | None:
    """What a network makes of data without drawing anything; None where the model is another."""
    if hasattr(estimator, "fit") and hasattr(estimator, "reconstruct"):
        check_is_fitted(estimator)
        return np.asarray(estimator.reconstruct(X))
    if isinstance(estimator, VAE):
        return estimator.decode(estimator.encode(X)[0]).numpy()
    return estimator(X).numpy() if isinstance(estimator, Autoencoder) else None
