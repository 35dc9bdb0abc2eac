"""What a file says of a deep belief network of `gibbslab.models`."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, TypeVar

import numpy.typing as npt

from ..errors import FormatError
from ..models._dbn_parameters import DBNParameters
from ._classification_model import label_count
from ._fields import LARGEST, Fields, tensors_of
from ._reader import Document

__all__ = ["build_as", "dbn_classes", "dbn_shapes", "dbn_sizes", "describe"]

Model = TypeVar("Model", bound=DBNParameters)
_MAX_LAYERS = 64


def describe(model: DBNParameters) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """The model as JSON and tensors."""
    params = {"cd_k": model.cd_k, "n_threads": model.n_threads}
    state = {"seed": model.seed, "draws": model.draws}
    return {"params": params, "state": state}, dict(model.parameters)


def dbn_sizes(document: Document, where: str) -> list[int]:
    """Units of every layer, as the weights have them."""
    sizes: list[int] = []
    for level in range(_MAX_LAYERS):
        name = f"generative_{level}"
        last = name not in document.tensors
        W = document.tensors.get("top_W" if last else name)
        if W is None or W.ndim != 2:
            raise FormatError(f"{where} tensor 'top_W' must be there, and weights have two axes")
        sizes.append(W.shape[0])
        if last:
            return [*sizes, W.shape[1]]
    raise FormatError(f"{where} a network must have at most {_MAX_LAYERS} layers")


def dbn_classes(document: Document, where: str) -> int:
    """The number of labels, 0 for a network without."""
    return label_count(document, where, "top_U") if "top_U" in document.tensors else 0


def dbn_shapes(sizes: list[int], classes: int = 0) -> dict[str, tuple[int, ...]]:
    """Shapes of a network's parameters by name."""
    out: dict[str, tuple[int, ...]] = {}
    for level, (below, above) in enumerate(pairwise(sizes[:-1])):
        out[f"generative_{level}"] = out[f"recognition_{level}"] = (below, above)
        out[f"down_bias_{level}"], out[f"up_bias_{level}"] = (below,), (above,)
    out["top_W"] = (sizes[-2], sizes[-1])
    out["top_v_bias"], out["top_h_bias"] = (sizes[-2],), (sizes[-1],)
    if classes:
        out["top_U"], out["top_y_bias"] = (classes, sizes[-1]), (classes,)
    return out


def build_as(cls: type[Model], document: Document, where: str) -> Model:
    """The model that the file describes; `FormatError` names a wrong field."""
    sizes, classes = dbn_sizes(document, where), dbn_classes(document, where)
    if cls.LAYERS not in (None, len(sizes)):
        raise FormatError(f"{where} must have {cls.LAYERS} layers, got {len(sizes)}")
    if cls.LAYERS is not None and classes:
        raise FormatError(f"{where} must have no labels, got {classes}")
    tensors = tensors_of(document, where, dbn_shapes(sizes, classes))
    metadata = document.metadata
    params = Fields(metadata.get("params"), f"{where} params", {"cd_k", "n_threads"})
    state = Fields(metadata.get("state"), f"{where} state", {"seed", "draws"})
    model = cls.__new__(cls)
    try:
        DBNParameters.__init__(
            model,
            sizes,
            params["cd_k"],
            n_classes=classes,
            random_state=state.integer("seed", LARGEST),
            n_threads=params["n_threads"],
        )
        model.set_parameters(**tensors)
    except (TypeError, ValueError) as error:
        raise FormatError(f"{where} params: {error}") from None
    model.draws = state.integer("draws", LARGEST)
    return model
