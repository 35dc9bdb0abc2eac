"""What a file says of the estimators `gibbslab.DBN` and `gibbslab.DBNClassifier`."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy.typing as npt

from ..errors import FormatError
from ..estimators._chains import chain_shapes
from ..estimators._dbn_settings import DBNSettings
from ..estimators._dbn_training import begin_dbn
from ..estimators._labelled_dbn_training import begin_labelled
from ..estimators._rbm_training import state_shapes
from ..estimators.dbn import DBN
from ..estimators.dbn_classifier import DBNClassifier
from ._classification_rbm import CLASS_FIELDS, classes_of
from ._dbn import dbn_classes, dbn_shapes, dbn_sizes
from ._estimator import describe, finish, state_fields, with_params
from ._fields import LARGEST, Fields, tensors_of
from ._reader import Document

__all__ = ["build", "build_classifier", "describe"]

Network = TypeVar("Network", bound=DBN)


def build(document: Document, where: str) -> DBN:
    """The estimator that the file describes; `FormatError` names a wrong field."""
    sizes = dbn_sizes(document, where)
    estimator, settings = _with_layers(DBN, document, where, sizes)
    state = state_fields(document, where)
    tensors = _tensors(document, where, state, settings, 0)
    training = begin_dbn(sizes[0], settings, state.integer("seed", LARGEST))
    finish(estimator, training, state, tensors, sizes[0])
    return estimator


def build_classifier(document: Document, where: str) -> DBNClassifier:
    """The same of a classifier."""
    sizes, classes = dbn_sizes(document, where), dbn_classes(document, where)
    if classes == 0:
        raise FormatError(f"{where} tensor 'top_U' must be there")
    estimator, settings = _with_layers(DBNClassifier, document, where, sizes)
    state = state_fields(document, where, CLASS_FIELDS)
    tensors = _tensors(document, where, state, settings, classes)
    estimator.classes_ = classes_of(state, classes)
    training = begin_labelled(sizes[0], classes, settings, state.integer("seed", LARGEST))
    finish(estimator, training, state, tensors, sizes[0])
    return estimator


def _with_layers(
    cls: type[Network], document: Document, where: str, sizes: list[int]
) -> tuple[Network, DBNSettings]:
    estimator, settings = with_params(cls, document, where)
    estimator.hidden_layer_sizes = settings.hidden_layer_sizes  # JSON has no tuples
    if list(settings.hidden_layer_sizes) != sizes[1:]:
        raise FormatError(f"{where} params.hidden_layer_sizes must be {sizes[1:]}, as the tensors")
    return estimator, settings


def _tensors(
    document: Document, where: str, state: Fields, settings: DBNSettings, classes: int
) -> dict[str, npt.NDArray[Any]]:
    """Parameters, and the state of the trainer of the stage in progress."""
    stage = settings.stage_of(state.integer("epoch", 2**40))
    shapes = _shapes(dbn_sizes(document, where), stage, settings, classes)
    return tensors_of(document, where, shapes)


def _shapes(
    sizes: list[int], stage: int, settings: DBNSettings, classes: int
) -> dict[str, tuple[int, ...]]:
    parameters = dbn_shapes(sizes, classes)
    if stage == len(sizes) - 1:
        return parameters | {f"velocity_{name}": shape for name, shape in parameters.items()}
    below, above = sizes[stage : stage + 2]
    greedy = settings.options["greedy"]
    if not classes or stage < len(sizes) - 2:
        return parameters | state_shapes(below, above, greedy)
    top: dict[str, tuple[int, ...]] = {"W": (below, above), "U": (classes, above)}
    top |= {"v_bias": (below,), "h_bias": (above,), "y_bias": (classes,)}
    velocities = {f"velocity_{name}": shape for name, shape in top.items()}
    return parameters | velocities | chain_shapes(greedy, above)
