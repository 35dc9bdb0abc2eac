"""What a file says of a `gibbslab.models.RBM`."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from ..errors import FormatError
from ..models import RBM
from ._fields import LARGEST, Fields, layer_sizes, tensors_of
from ._reader import Document

__all__ = ["build", "describe"]


def describe(model: RBM) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """The model as JSON and tensors."""
    params = {"cd_k": model.cd_k, "n_threads": model.n_threads}
    state = {"seed": model.seed, "draws": model.draws}
    tensors = {"W": model.W, "v_bias": model.v_bias, "h_bias": model.h_bias}
    return {"params": params, "state": state}, tensors


def build(document: Document, where: str) -> RBM:
    """The model that the file describes; `FormatError` names a wrong field."""
    visible, hidden = layer_sizes(document, where)
    shapes = {"W": (visible, hidden), "v_bias": (visible,), "h_bias": (hidden,)}
    tensors = tensors_of(document, where, shapes)
    metadata = document.metadata
    params = Fields(metadata.get("params"), f"{where} params", {"cd_k", "n_threads"})
    state = Fields(metadata.get("state"), f"{where} state", {"seed", "draws"})
    seed = state.integer("seed", LARGEST)
    try:
        model = RBM(
            visible,
            hidden,
            params["cd_k"],
            random_state=seed,
            n_threads=params["n_threads"],
        )
    except (TypeError, ValueError) as error:
        raise FormatError(f"{where} params: {error}") from None
    model.W, model.v_bias, model.h_bias = tensors["W"], tensors["v_bias"], tensors["h_bias"]
    model.draws = state.integer("draws", LARGEST)
    return model
