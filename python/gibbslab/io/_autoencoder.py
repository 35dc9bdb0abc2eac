"""What a file says of a `gibbslab.Autoencoder`."""

from __future__ import annotations

import copy
from typing import Any

import numpy.typing as npt

from ..errors import FormatError
from ..estimators._architecture import Layers
from ..estimators._autoencoder_training import begin_autoencoder
from ..estimators.autoencoder import Autoencoder
from ._estimator import describe as describe_any
from ._estimator import finish, state_fields, with_params
from ._fields import LARGEST, tensors_of
from ._layer_sizes import check_sizes
from ._layers import n_values
from ._reader import Document

__all__ = ["build", "describe"]

_FIELDS = {"n_features", "steps"}  # of the state
# Layers without weights of their own may see more features than there are weights.
_FEATURES = 1 << 20


def describe(estimator: Autoencoder) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """The estimator as JSON and tensors; `TypeError` for layers that a file cannot hold."""
    return describe_any(estimator, {"n_features": getattr(estimator, "n_features_in_", 0)})


def build(document: Document, where: str) -> Autoencoder:
    """The estimator that the file describes; `FormatError` names a wrong field."""
    estimator, settings = with_params(Autoencoder, document, where)
    state = state_fields(document, where, _FIELDS)
    n_features = state.integer("n_features", _FEATURES + n_values(document))
    architecture = settings.architecture
    if not isinstance(architecture, Layers):
        count = architecture.n_parameters(n_features)
        if count > n_values(document):
            raise FormatError(f"{where} params.architecture has {count} parameters, the file less")
    try:
        if isinstance(architecture, Layers):
            code = check_sizes(architecture.encoder, (n_features,))
            check_sizes(architecture.decoder, code)
        training = begin_autoencoder(n_features, settings, state.integer("seed", LARGEST))
    except (TypeError, ValueError) as error:
        raise FormatError(f"{where} params.architecture: {error}") from None
    training.epoch = state.integer("epoch", 2**40)  # the stage is that of the epoch
    shapes = {name: x.shape for name, x in training.state()["arrays"].items()}
    finish(estimator, training, state, tensors_of(document, where, shapes), n_features)
    if isinstance(architecture, Layers):
        trained: Any = copy.deepcopy((training.model.encoder, training.model.decoder))
        estimator.architecture = tuple(list(network.layers) for network in trained)
    return estimator
