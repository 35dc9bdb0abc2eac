"""What a file says of the estimator `gibbslab.DBM`."""

from __future__ import annotations

from ..errors import FormatError
from ..estimators._dbm_pretraining import new_model
from ..estimators._dbm_training import DBMTraining
from ..estimators.dbm import DBM
from ._dbm import sizes_of, training_shapes
from ._estimator import describe, finish, state_fields, with_params
from ._fields import LARGEST, tensors_of
from ._reader import Document

__all__ = ["build", "describe"]


def build(document: Document, where: str) -> DBM:
    """The estimator that the file describes; `FormatError` names a wrong field."""
    sizes = sizes_of(document, where)
    estimator, settings = with_params(DBM, document, where)
    estimator.hidden_layer_sizes = settings.hidden_layer_sizes  # JSON has no tuples
    if settings.hidden_layer_sizes != sizes[1:]:
        raise FormatError(f"{where} params.hidden_layer_sizes must be {sizes[1:]}, as the tensors")
    tensors = tensors_of(document, where, training_shapes(sizes, settings.options["n_chains"]))
    state = state_fields(document, where)
    model = new_model(sizes[0], settings, state.integer("seed", LARGEST))
    finish(estimator, DBMTraining(model, settings.options), state, tensors, sizes[0])
    return estimator
