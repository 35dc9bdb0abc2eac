"""What a file says of a `gibbslab.GaussianRBM`."""

from __future__ import annotations

from ..errors import FormatError
from ..estimators._gaussian_training import begin
from ..estimators.gaussian_rbm import GaussianRBM
from ..units import LEAST_VARIANCE
from ._bernoulli_rbm import tensor_shapes
from ._estimator import describe, finish, state_fields, with_params
from ._fields import LARGEST, layer_sizes, tensors_of
from ._reader import Document

__all__ = ["build", "describe"]


def build(document: Document, where: str) -> GaussianRBM:
    """The estimator that the file describes; `FormatError` names a wrong field."""
    visible, hidden = layer_sizes(document, where)
    estimator, settings = with_params(GaussianRBM, document, where)
    shapes = tensor_shapes(visible, hidden, settings.options)
    shapes |= {"v_variance": (visible,), "velocity_v_variance": (visible,)}
    tensors = tensors_of(document, where, shapes)
    if not (tensors["v_variance"] >= LEAST_VARIANCE).all():
        raise FormatError(f"{where} tensor 'v_variance' must be at least {LEAST_VARIANCE:.3g}")
    state = state_fields(document, where)
    training = begin(visible, hidden, settings, state.integer("seed", LARGEST))
    finish(estimator, training, state, tensors, visible)
    return estimator
