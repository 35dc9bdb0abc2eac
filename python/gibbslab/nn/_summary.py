"""The table of a network's layers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ._module import Module
from ._variable import Variable

HEADER = ("layer", "kind", "output shape", "parameters")


def _leaves(module: Module, name: str = "") -> Iterator[tuple[str, Module]]:
    children = list(module.named_children())
    if not children:
        yield name, module
    for child_name, child in children:
        yield from _leaves(child, f"{name}.{child_name}" if name else child_name)


def _shapes(module: Module, input_shape: tuple[int, ...]) -> dict[int, tuple[int, ...]]:
    """The shape of each layer's result in one run, by the layer's identity."""
    found: dict[int, tuple[int, ...]] = {}
    modes = [(layer, layer.training) for layer in module.modules()]

    def watched(layer: Module) -> Any:
        plain = layer.forward

        def forward(*inputs: Any, **options: Any) -> Any:
            result = plain(*inputs, **options)
            if isinstance(result, Variable):
                found[id(layer)] = result.shape
            return result

        return forward

    layers = [layer for _, layer in _leaves(module)]
    try:
        module.eval()
        for layer in layers:
            vars(layer)["forward"] = watched(layer)
        module(np.zeros((1, *input_shape), np.float32))
    finally:
        for layer in layers:
            vars(layer).pop("forward", None)
        for layer, mode in modes:
            layer.training = mode
    return found


def summary(module: Module, input_shape: tuple[int, ...] | None) -> str:
    """See `Module.summary`."""
    shapes = {} if input_shape is None else _shapes(module, tuple(input_shape))
    rows = [HEADER]
    for name, layer in _leaves(module):
        shape = shapes.get(id(layer))
        text = "" if shape is None else f"({', '.join(['n', *map(str, shape[1:])])})"
        rows.append((name or "-", type(layer).__name__, text, f"{layer.n_parameters:,}"))
    rows.append(("total", "", "", f"{module.n_parameters:,}"))
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADER))]
    rule = "  ".join("-" * width for width in widths)
    lines = [
        "  ".join([*(row[i].ljust(widths[i]) for i in range(3)), row[3].rjust(widths[3])])
        for row in rows
    ]
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])
