"""Networks as JSON: hidden sizes, a preset's name, or the layers one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import nn
from ._fields import plain
from ._reader import Document

__all__ = ["architecture_from_json", "architecture_to_json", "n_values"]

# Arguments of each kind of layer, with the attributes that hold them; weights are tensors.
_KINDS: dict[str, dict[str, str]] = {
    "Linear": {"in_features": "in_features", "out_features": "out_features", "bias": "bias"},
    "ELU": {"alpha": "alpha"},
    "LeakyReLU": {"negative_slope": "alpha"},
    "Dropout": {"p": "p", "random_state": "seed"},
    "Reshape": {"shape": "shape"},
} | {
    name: {} for name in ("Flatten", "Identity", "ReLU", "Sigmoid", "Softplus", "Tanh")
}  # fmt: skip


def n_values(document: Document) -> int:
    """Numbers in all tensors of a file: a network may not have more parameters."""
    return sum(tensor.size for tensor in document.tensors.values())


def architecture_to_json(value: Any) -> Any:
    """The parameter `architecture` of an estimator; `TypeError` for layers of other classes."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        return value
    if len(value) == 2 and not isinstance(value[0], (int, np.integer)):
        encoder, decoder = (getattr(part, "layers", part) for part in value)
        return {"encoder": _list_to_json(encoder), "decoder": _list_to_json(decoder)}
    return [plain(n) for n in value]


def _list_to_json(layers: Any) -> list[dict[str, Any]]:
    if not isinstance(layers, Sequence):
        layers = [layers]
    return [_layer_to_json(layer) for layer in layers]


def _layer_to_json(layer: Any) -> dict[str, Any]:
    kind = type(layer).__name__
    if kind not in _KINDS or type(layer) is not getattr(nn, kind):
        raise TypeError(
            f"[save] architecture: a layer {kind} cannot be stored in a file; "
            f"those of gibbslab.nn that can are {', '.join(sorted(_KINDS))}"
        )
    arguments = {name: getattr(layer, attribute) for name, attribute in _KINDS[kind].items()}
    if kind == "Linear":
        arguments["bias"] = layer.bias is not None
    return {"layer": kind, **arguments}


def architecture_from_json(value: Any, document: Document) -> Any:
    """The inverse; `TypeError` or `ValueError` for what is none, or larger than the file."""
    if isinstance(value, list):
        return tuple(value)
    if not isinstance(value, dict):
        return value
    if set(value) != {"encoder", "decoder"}:
        raise ValueError("architecture must have encoder and decoder and nothing else")
    return tuple(_list_from_json(value[part], n_values(document)) for part in value)


def _list_from_json(value: Any, most: int) -> list[nn.Module]:
    if not isinstance(value, list) or not value:
        raise ValueError("architecture must have layers")
    return [_layer_from_json(layer, most) for layer in value]


def _layer_from_json(value: Any, most: int) -> nn.Module:
    kind = value.get("layer") if isinstance(value, dict) else None
    if not isinstance(kind, str) or set(value) != {"layer", *_KINDS.get(kind, ("",))}:
        raise ValueError(f"architecture: no layer is {str(value)[:80]}")
    arguments = {name: x for name, x in value.items() if name != "layer"}
    cls = getattr(nn, kind)
    if kind == "Reshape":
        if not isinstance(arguments["shape"], list):
            raise TypeError("architecture: shape must be a list")
        return cls(*arguments["shape"])
    if kind == "Linear":
        sizes = arguments["in_features"], arguments["out_features"]
        if not all(type(n) is int and n > 0 for n in sizes) or sizes[0] * sizes[1] > most:
            raise ValueError(f"architecture: a layer of {sizes} is not in the file")
        arguments["random_state"] = 0
    return cls(**arguments)
