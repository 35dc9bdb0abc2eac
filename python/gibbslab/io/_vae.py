"""What a file says of a `gibbslab.VAE`."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from ..errors import FormatError
from ..estimators._vae_training import begin_vae
from ..estimators.vae import VAE
from ._estimator import describe as describe_any
from ._estimator import finish, state_fields, with_params
from ._fields import LARGEST, tensors_of
from ._layers import n_values
from ._reader import Document

__all__ = ["build", "describe"]


def describe(estimator: VAE) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """The estimator as JSON and tensors."""
    return describe_any(estimator, {"n_features": getattr(estimator, "n_features_in_", 0)})


def build(document: Document, where: str) -> VAE:
    """The estimator that the file describes; `FormatError` names a wrong field."""
    estimator, settings = with_params(VAE, document, where)
    estimator.hidden_layer_sizes = settings.hidden_layer_sizes  # JSON has no tuples
    layers = settings.layers
    state = state_fields(document, where, {"n_features", "steps"})
    n_features = state.integer("n_features", n_values(document))
    if layers.n_parameters(settings.latent_size, n_features) > n_values(document):
        raise FormatError(f"{where} params and state.n_features ask for more than the file has")
    try:
        training = begin_vae(n_features, settings, state.integer("seed", LARGEST))
    except ValueError as error:
        raise FormatError(f"{where} state.n_features: {error}") from None
    shapes = {name: x.shape for name, x in training.state()["arrays"].items()}
    finish(estimator, training, state, tensors_of(document, where, shapes), n_features)
    return estimator
