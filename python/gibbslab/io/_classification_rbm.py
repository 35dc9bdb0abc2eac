"""What a file says of a `gibbslab.ClassificationRBM`, and of the labels of any classifier."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import FormatError
from ..estimators._classification_training import begin, state_shapes
from ..estimators.classification_rbm import ClassificationRBM
from ..estimators.dbn_classifier import DBNClassifier
from ._classification_model import label_count
from ._estimator import describe as describe_any
from ._estimator import finish, state_fields, with_params
from ._fields import LARGEST, Fields, layer_sizes, tensors_of
from ._reader import Document

__all__ = ["CLASS_FIELDS", "build", "classes_of", "describe"]

CLASS_FIELDS = {"classes", "classes_dtype"}  # of the state

# Kinds of labels, each with what JSON holds of them.
_NUMBERS: dict[str, type] = {
    "bool": bool, "int8": int, "int16": int, "int32": int, "int64": int, "uint8": int,
    "uint16": int, "uint32": int, "uint64": int, "float32": float, "float64": float,
}  # fmt: skip
_TEXTS = ("str", "object")


def describe(
    estimator: ClassificationRBM | DBNClassifier,
) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """The estimator as JSON and tensors; `TypeError` for labels that a file cannot hold."""
    classes = getattr(estimator, "classes_", np.zeros(0))
    kind = "str" if classes.dtype.kind == "U" else classes.dtype.name
    values = classes.tolist()
    if kind not in _NUMBERS and not all(isinstance(value, str) for value in values):
        raise TypeError(f"[save] classes_ must be numbers or strings, got {classes!r}")
    return describe_any(estimator, {"classes": values, "classes_dtype": kind})


def build(document: Document, where: str) -> ClassificationRBM:
    """The estimator that the file describes; `FormatError` names a wrong field."""
    visible, hidden = layer_sizes(document, where)
    estimator, settings = with_params(ClassificationRBM, document, where)
    sizes = {"V": visible, "H": hidden, "K": label_count(document, where)}
    tensors = tensors_of(document, where, state_shapes(sizes, settings.options))
    if settings.n_hidden != hidden:
        raise FormatError(f"{where} params.n_hidden must be {hidden}, got {settings.n_hidden}")
    state = state_fields(document, where, CLASS_FIELDS)
    classes = classes_of(state, sizes["K"])
    training = begin(visible, sizes["K"], settings, state.integer("seed", LARGEST))
    estimator.classes_ = classes
    finish(estimator, training, state, tensors, visible)
    return estimator


def classes_of(state: Fields, count: int) -> npt.NDArray[Any]:
    """So many labels, as the state has them."""
    kind = state.choice("classes_dtype", (*_NUMBERS, *_TEXTS))
    values, expected = state["classes"], _NUMBERS.get(kind, str)
    right = isinstance(values, list) and len(values) == count
    if not right or not all(type(value) is expected for value in values):
        raise state.fail("classes", f"a list of {count} labels of type {kind}")
    try:
        classes = np.array(values, dtype=None if kind == "str" else kind)
        rising = bool(np.all(classes[:-1] < classes[1:]))
    except (OverflowError, ValueError):
        raise state.fail("classes", f"labels in the range of {kind}") from None
    if not rising:
        raise state.fail("classes", "labels in rising order")
    return classes
