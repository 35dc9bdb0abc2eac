"""What a file says of a DBM: `gibbslab.models.DBM`, and the estimator `gibbslab.DBM`."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import FormatError
from ..models import DBM
from ._fields import LARGEST, Fields, is_binary, tensors_of
from ._reader import Document

__all__ = ["build", "describe", "parameter_shapes", "sizes_of", "training_shapes"]

_PARAMS = ("cd_k", "n_chains", "mean_field_iterations", "mean_field_tolerance", "centered",
           "n_threads")  # fmt: skip
_MAX_LAYERS = 64


def sizes_of(document: Document, where: str) -> tuple[int, ...]:
    """N_0 ... N_D, as the biases have them."""
    sizes: list[int] = []
    while (bias := document.tensors.get(f"b{len(sizes)}")) is not None:
        if bias.ndim != 1 or len(sizes) == _MAX_LAYERS:
            raise FormatError(
                f"{where} tensor 'b{len(sizes)}' must have one dimension, in one of at most "
                f"{_MAX_LAYERS} layers"
            )
        sizes.append(len(bias))
    if len(sizes) < 3 or 0 in sizes:
        raise FormatError(f"{where} tensors 'b0', 'b1', 'b2' must be there, and not be empty")
    return tuple(sizes)


def parameter_shapes(sizes: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Weights and biases, by name."""
    weights: dict[str, tuple[int, ...]] = {
        f"W{layer}": shape for layer, shape in enumerate(pairwise(sizes))
    }
    return weights | {f"b{layer}": (n,) for layer, n in enumerate(sizes)}


def training_shapes(sizes: tuple[int, ...], n_chains: int) -> dict[str, tuple[int, ...]]:
    """Parameters and training state, by name."""
    parameters = parameter_shapes(sizes)
    out = parameters | {f"velocity_{name}": shape for name, shape in parameters.items()}
    for layer, n in enumerate(sizes):
        out[f"offset{layer}"] = (n,)
        if layer % 2 == 1:
            out[f"chains{layer}"] = n_chains, n
    return out


def describe(model: DBM) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """The model as JSON and tensors, with the state of its trainer."""
    params = {name: getattr(model, name) for name in _PARAMS}
    tensors: dict[str, npt.NDArray[Any]] = {**model.named_parameters(), **model._steps().state()}
    tensors = {n: x.astype(np.uint8) if is_binary(n) else x for n, x in tensors.items()}
    return {"params": params, "state": {"seed": model.seed, "draws": model.draws}}, tensors


def build(document: Document, where: str) -> DBM:
    """The model that the file describes; `FormatError` names a wrong field."""
    sizes = sizes_of(document, where)
    params = Fields(document.metadata.get("params"), f"{where} params", set(_PARAMS))
    state = Fields(document.metadata.get("state"), f"{where} state", {"seed", "draws"})
    n_chains = params.integer("n_chains", 2**40)
    tensors = tensors_of(document, where, training_shapes(sizes, n_chains))
    seed = state.integer("seed", LARGEST)
    try:
        model = DBM(sizes, random_state=seed, **{name: params[name] for name in _PARAMS})
    except (TypeError, ValueError) as error:
        raise FormatError(f"{where} params: {error}") from None
    model.set_named_parameters(tensors)
    model._steps().restore(tensors)
    model.draws = state.integer("draws", LARGEST)
    return model
