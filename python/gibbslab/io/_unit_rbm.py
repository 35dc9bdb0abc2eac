"""What a file says of a `gibbslab.models.UnitRBM`: as of an RBM, with its units."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import FormatError
from ..models import RBM, UnitRBM
from ..units import Bernoulli, Binomial, Categorical, Gaussian, ReLU, Spin, Unit
from ._fields import LARGEST, Fields, layer_sizes, tensors_of
from ._rbm import describe as describe_rbm
from ._reader import Document

__all__ = ["build", "describe"]

_TYPES: dict[str, type[Unit]] = {
    unit.kind: unit for unit in (Bernoulli, Binomial, Categorical, Gaussian, ReLU, Spin)
}


def _unit_to_json(unit: Unit) -> dict[str, Any]:
    params = {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in unit.params.items()
    }
    return {"kind": unit.kind, **params}


def _unit_from_json(value: Any, where: str) -> Unit:
    kind = value.get("kind") if isinstance(value, dict) else None
    if not isinstance(kind, str) or kind not in _TYPES:
        raise FormatError(f"{where}.kind must be one of {sorted(_TYPES)}, got {str(kind)[:80]!r}")
    arguments = {name: x for name, x in value.items() if name != "kind"}
    if kind == Gaussian.kind:
        fields = Fields(arguments, where, {"variance", "bounds"})
        if not isinstance(fields["variance"], (str, float, list)):
            raise fields.fail("variance", "a number, a list of numbers or 'learned'")
        if not isinstance(fields["bounds"], list) or len(fields["bounds"]) != 2:
            raise fields.fail("bounds", "a list of two numbers")
        arguments["bounds"] = tuple(fields["bounds"])
    try:
        return _TYPES[kind](**arguments)
    except (TypeError, ValueError, OverflowError) as error:
        raise FormatError(f"{where}: {error}") from None


def describe(model: UnitRBM) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """The model as JSON and tensors."""
    document, tensors = describe_rbm(model)
    document["params"] |= {
        "visible": _unit_to_json(model.visible),
        "hidden": _unit_to_json(model.hidden),
        "temperature": model.temperature,
    }
    return document, {**tensors, "v_variance": model.v_variance, "h_variance": model.h_variance}


def build(document: Document, where: str) -> UnitRBM:
    """The model that the file describes; `FormatError` names a wrong field."""
    visible, hidden = layer_sizes(document, where)
    shapes = {"W": (visible, hidden), "v_bias": (visible,), "h_bias": (hidden,)}
    shapes |= {"v_variance": (visible,), "h_variance": (hidden,)}
    tensors = tensors_of(document, where, shapes)
    names = {"cd_k", "n_threads", "visible", "hidden", "temperature"}
    params = Fields(document.metadata.get("params"), f"{where} params", names)
    state = Fields(document.metadata.get("state"), f"{where} state", {"seed", "draws"})
    layers = {
        name: _unit_from_json(params[name], f"{where} params.{name}")
        for name in ("visible", "hidden")
    }
    try:
        model = RBM(
            visible,
            hidden,
            params["cd_k"],
            **layers,
            temperature=params["temperature"],
            random_state=state.integer("seed", LARGEST),
            n_threads=params["n_threads"],
        )
    except (TypeError, ValueError, OverflowError) as error:
        raise FormatError(f"{where} params: {error}") from None
    if not isinstance(model, UnitRBM):
        raise FormatError(f"{where} params: Bernoulli units at temperature 1 are an RBM's")
    _set_tensors(model, tensors, where)
    model.draws = state.integer("draws", LARGEST)
    return model


def _set_tensors(model: UnitRBM, tensors: dict[str, npt.NDArray[np.float32]], where: str) -> None:
    try:
        for name, value in tensors.items():
            setattr(model, name, value)
    except ValueError as error:  # a variance that is not above 0
        raise FormatError(f"{where} {error}") from None
