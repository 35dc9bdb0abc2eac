"""What a file says of the estimator `gibbslab.DBN`."""

from __future__ import annotations

from ..errors import FormatError
from ..estimators._chains import chain_shapes
from ..estimators._dbn_settings import DBNSettings
from ..estimators._dbn_training import begin_dbn
from ..estimators.dbn import DBN
from ._dbn import dbn_shapes, dbn_sizes
from ._estimator import describe, finish, state_fields, with_params
from ._fields import LARGEST, tensors_of
from ._reader import Document

__all__ = ["build", "describe"]


def build(document: Document, where: str) -> DBN:
    """The estimator that the file describes; `FormatError` names a wrong field."""
    sizes = dbn_sizes(document, where)
    estimator, settings = with_params(DBN, document, where)
    estimator.hidden_layer_sizes = settings.hidden_layer_sizes  # JSON has no tuples
    if list(settings.hidden_layer_sizes) != sizes[1:]:
        raise FormatError(f"{where} params.hidden_layer_sizes must be {sizes[1:]}, as the tensors")
    state = state_fields(document, where)
    stage = settings.stage_of(state.integer("epoch", 2**40))
    tensors = tensors_of(document, where, _shapes(sizes, stage, settings))
    training = begin_dbn(sizes[0], settings, state.integer("seed", LARGEST))
    finish(estimator, training, state, tensors, sizes[0])
    return estimator


def _shapes(sizes: list[int], stage: int, settings: DBNSettings) -> dict[str, tuple[int, ...]]:
    """Parameters, and the state of the trainer of a stage."""
    parameters = dbn_shapes(sizes)
    if stage == len(sizes) - 1:
        return parameters | {f"velocity_{name}": shape for name, shape in parameters.items()}
    below, above = sizes[stage : stage + 2]
    out = {**parameters, "velocity_W": (below, above)}
    out |= dict.fromkeys(("velocity_v_bias", "visible_offset"), (below,))
    out |= dict.fromkeys(("velocity_h_bias", "hidden_offset", "hidden_activity"), (above,))
    return out | chain_shapes(settings.options["greedy"], above)
