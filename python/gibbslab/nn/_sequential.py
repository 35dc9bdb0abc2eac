"""Modules in a row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ._convolution import Conv2d, ConvTranspose2d
from ._functional import ACTIVATIONS
from ._layers import Activation, Linear
from ._module import Module
from ._normalisation import BatchNorm1d, BatchNorm2d
from ._variable import as_variable

__all__ = ["Sequential"]

# The layers that compute an activation with them.
FUSED = (Linear, Conv2d, ConvTranspose2d, BatchNorm1d, BatchNorm2d)


class Sequential(Module):
    """Modules one after the other.

    A layer with weights, or a batch normalisation, and an activation that follows it are one
    operation.

    Parameters
    ----------
    *layers : Module

    Raises
    ------
    TypeError
        If one is no module.
    """

    def __init__(self, *layers: Module) -> None:
        for layer in layers:
            if not isinstance(layer, Module):
                raise TypeError(f"[Sequential] layers must be modules, got {layer!r}")
        self.layers = list(layers)

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The layers, by their numbers."""
        return ((str(i), layer) for i, layer in enumerate(self.layers))

    def forward(self, x: Any) -> Any:
        """What the last layer makes of what the others have made of x."""
        for parameter in self.parameters()[:1]:
            x = as_variable(x, parameter, "Sequential")
        i = 0
        while i < len(self.layers):
            layer, following = self.layers[i], self.layers[i + 1 : i + 2]
            if _fuses(layer, *following):
                x = layer.activated(x, following[0].function, following[0].alpha)  # type: ignore
                i += 2
                continue
            x = layer(x)
            i += 1
        return x

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, index: int) -> Module:
        return self.layers[index]


def _fuses(layer: Module, following: Module | None = None) -> bool:
    """Whether the two are what the fused operation computes, and nobody watches one of them."""
    return (
        type(layer) in FUSED
        and isinstance(following, Activation)
        and following.function in ACTIVATIONS
        and type(following).forward is Activation.forward
        and not any("forward" in vars(module) for module in (layer, following))
    )
