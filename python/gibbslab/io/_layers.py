"""Networks as JSON: hidden sizes, a preset's name, or the layers one by one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import nn
from ._fields import plain
from ._reader import Document

__all__ = ["architecture_from_json", "architecture_to_json", "n_values"]

# Arguments of each kind of layer, with the attributes that hold them; weights are tensors.
_SAME = lambda *names: {name: name for name in names}  # noqa: E731
_CONVOLUTION = _SAME("in_channels", "out_channels", "kernel_size", "stride", "padding", "bias",
                     "data_format")  # fmt: skip
_KINDS: dict[str, dict[str, str]] = {
    "Linear": _SAME("in_features", "out_features", "bias"),
    "Conv2d": _CONVOLUTION,
    "ConvTranspose2d": {**_CONVOLUTION, "output_padding": "output_padding"},
    "BatchNorm1d": {**_SAME("num_features", "eps", "momentum"), "affine": "weight"},
    "BatchNorm2d": {**_SAME("num_features", "eps", "momentum", "data_format"), "affine": "weight"},
    "Upsample": _SAME("scale_factor", "mode", "data_format"),
    "ELU": {"alpha": "alpha"},
    "LeakyReLU": {"negative_slope": "alpha"},
    "Dropout": {"p": "p", "random_state": "seed"},
    "Reshape": {"shape": "shape"},
} | {
    name: {} for name in ("Flatten", "Identity", "ReLU", "Sigmoid", "Softplus", "Tanh")
}  # fmt: skip
_SIZES = ("in_features", "out_features", "in_channels", "out_channels", "num_features")


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
    for name in {"bias", "affine"} & set(arguments):
        arguments[name] = arguments[name] is not None
    return {"layer": kind, **arguments}


def architecture_from_json(value: Any, document: Document) -> Any:
    """The inverse; `TypeError` or `ValueError` for what is none, or larger than the file."""
    if isinstance(value, list):
        return tuple(value)
    if not isinstance(value, dict):
        return value
    if set(value) != {"encoder", "decoder"}:
        raise ValueError("architecture must have encoder and decoder and nothing else")
    parts = [_layers_of(value[part]) for part in ("encoder", "decoder")]
    count = sum(_n_weights(arguments) for part in parts for _, arguments in part)
    if count > n_values(document):
        raise ValueError(f"architecture has {count} weights, the file less")
    return tuple([_made(kind, arguments) for kind, arguments in part] for part in parts)


def _layers_of(value: Any) -> list[tuple[str, dict[str, Any]]]:
    """Kinds and arguments, each known."""
    if not isinstance(value, list) or not value:
        raise ValueError("architecture must have layers")
    found = []
    for layer in value:
        kind = layer.get("layer") if isinstance(layer, dict) else None
        if not isinstance(kind, str) or set(layer) != {"layer", *_KINDS.get(kind, ("",))}:
            raise ValueError(f"architecture: no layer is {str(layer)[:80]}")
        found.append((kind, {name: x for name, x in layer.items() if name != "layer"}))
    return found


def _made(kind: str, arguments: dict[str, Any]) -> nn.Module:
    made: nn.Module
    if kind != "Reshape":
        seed = {"random_state": 0} if {"in_features", "in_channels"} & set(arguments) else {}
        made = getattr(nn, kind)(**arguments, **seed)
        return made
    if not isinstance(arguments["shape"], list):
        raise TypeError("architecture: shape must be a list")
    return nn.Reshape(*arguments["shape"])


def _n_weights(arguments: dict[str, Any]) -> int:
    """Weights of a layer that is not made yet; `TypeError` for sizes that are no integers."""
    if not set(_SIZES) & set(arguments):
        return 0
    sizes = [arguments.get(name, 1) for name in _SIZES]
    kernel = arguments.get("kernel_size", 1)
    sizes += kernel if isinstance(kernel, list) else [kernel]
    if not all(type(n) is int and n > 0 for n in sizes):
        raise TypeError(f"architecture: {sizes} must be positive integers")
    return math.prod(sizes)
