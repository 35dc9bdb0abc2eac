"""What a file says of a `gibbslab.BernoulliRBM`."""

from __future__ import annotations

from typing import Any

from ..errors import FormatError
from ..estimators._rbm_training import begin, state_shapes
from ..estimators.bernoulli_rbm import BernoulliRBM
from ._estimator import describe, finish, state_fields, with_params
from ._fields import LARGEST, layer_sizes, tensors_of
from ._reader import Document

__all__ = ["build", "describe", "tensor_shapes"]


def build(document: Document, where: str) -> BernoulliRBM:
    """The estimator that the file describes; `FormatError` names a wrong field."""
    visible, hidden = layer_sizes(document, where)
    estimator, settings = with_params(BernoulliRBM, document, where)
    tensors = tensors_of(document, where, tensor_shapes(visible, hidden, settings.options))
    state = state_fields(document, where)
    training = begin(visible, hidden, settings, state.integer("seed", LARGEST))
    try:
        finish(estimator, training, state, tensors, visible)
    except FormatError:
        raise
    except ValueError as error:  # a ladder that does not rise, a level that is twice there
        raise FormatError(f"{where} {error}") from None
    return estimator


def tensor_shapes(visible: int, hidden: int, options: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """Shapes of the tensors of an RBM in training."""
    parameters = {"W": (visible, hidden), "v_bias": (visible,), "h_bias": (hidden,)}
    return parameters | state_shapes(visible, hidden, options)
