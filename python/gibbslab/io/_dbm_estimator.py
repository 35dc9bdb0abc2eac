"""What a file says of the estimator `gibbslab.DBM`."""

from __future__ import annotations

from ..errors import FormatError
from ..estimators._dbm_settings import DBMSettings
from ..estimators._dbm_training import DBMTraining, new_model
from ..estimators._rbm_training import state_shapes
from ..estimators.dbm import DBM
from ._dbm import parameter_shapes, sizes_of, training_shapes
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
    state = state_fields(document, where)
    shapes = _shapes(sizes, state.integer("epoch", 2**40), settings)
    tensors = tensors_of(document, where, shapes)
    model = new_model(sizes[0], settings, state.integer("seed", LARGEST))
    finish(estimator, DBMTraining(model, settings.options), state, tensors, sizes[0])
    return estimator


def _shapes(
    sizes: tuple[int, ...], epoch: int, settings: DBMSettings
) -> dict[str, tuple[int, ...]]:
    """Parameters, and the state of the trainer of the stage that an epoch is in."""
    depth, n = len(sizes) - 1, settings.pretrain_iter
    if epoch >= depth * n:
        return training_shapes(sizes, settings.options["joint"]["n_chains"])
    stage = epoch // n
    below, above = sizes[stage : stage + 2]
    down = {f"down_bias{layer}": (sizes[layer],) for layer in range(1, depth)}
    return parameter_shapes(sizes) | down | state_shapes(below, above, settings.options["greedy"])
