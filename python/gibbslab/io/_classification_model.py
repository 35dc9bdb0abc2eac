"""What a file says of a `gibbslab.models.ClassificationRBM`."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from ..errors import FormatError
from ..models import ClassificationRBM
from ..models.classification_rbm import PARAMETERS
from ._fields import LARGEST, Fields, layer_sizes, tensors_of
from ._reader import Document

__all__ = ["build", "describe", "label_count"]


def describe(model: ClassificationRBM) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """The model as JSON and tensors."""
    state = {"seed": model.seed, "draws": model.draws}
    tensors = {name: getattr(model, name) for name in PARAMETERS}
    return {"params": {"n_threads": model.n_threads}, "state": state}, tensors


def build(document: Document, where: str) -> ClassificationRBM:
    """The model that the file describes; `FormatError` names a wrong field."""
    visible, hidden = layer_sizes(document, where)
    classes = label_count(document, where)
    shapes: dict[str, tuple[int, ...]] = {"W": (visible, hidden), "U": (classes, hidden)}
    shapes |= {"v_bias": (visible,), "h_bias": (hidden,), "y_bias": (classes,)}
    tensors = tensors_of(document, where, shapes)
    params = Fields(document.metadata.get("params"), f"{where} params", {"n_threads"})
    state = Fields(document.metadata.get("state"), f"{where} state", {"seed", "draws"})
    seed, threads = state.integer("seed", LARGEST), params["n_threads"]
    try:
        model = ClassificationRBM(visible, hidden, classes, random_state=seed, n_threads=threads)
    except (TypeError, ValueError) as error:
        raise FormatError(f"{where} params: {error}") from None
    for name in PARAMETERS:
        setattr(model, name, tensors[name])
    model.draws = state.integer("draws", LARGEST)
    return model


def label_count(document: Document, where: str, name: str = "U") -> int:
    """K, as the weights of the labels have it."""
    U = document.tensors.get(name)
    if U is None or U.ndim != 2:
        raise FormatError(f"{where} tensor {name!r} must be there and have two dimensions")
    return U.shape[0]
