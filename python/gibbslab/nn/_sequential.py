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
    operation; so are a convolution, the batch normalisation of its channels and an activation.

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
            layers = self.layers[i : i + 3]
            norm = layers[1:2] if _normalises(*layers[:2]) else []
            last = layers[len(norm)]
            following = layers[len(norm) + 1 : len(norm) + 2]
            follows = following if _fuses(last, *following) else []
            x = _run(layers[0], norm, follows, x)
            i += 1 + len(norm) + len(follows)
        return x

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, index: int) -> Module:
        return self.layers[index]


def _run(layer: Any, norm: list[Any], activation: list[Any], x: Any) -> Any:
    """One operation: a layer, with what follows it."""
    function, alpha = "identity", 0.0
    if activation:
        function, alpha = activation[0].function, activation[0].alpha
    if norm:
        return layer.normalised(x, norm[0], function, alpha)
    return layer.activated(x, function, alpha) if activation else layer(x)


def _watched(*modules: Module) -> bool:
    """Whether somebody has put another `forward` in the place of one of theirs."""
    return any("forward" in vars(module) for module in modules)


def _normalises(layer: Module, following: Module | None = None) -> bool:
    """Whether the second is a normalisation of the channels of the first."""
    return (
        isinstance(layer, (Conv2d, ConvTranspose2d))
        and type(layer) in FUSED
        and isinstance(following, BatchNorm2d)
        and type(following) is BatchNorm2d
        and following.num_features == layer.out_channels
        and following.data_format == layer.data_format
        and not _watched(layer, following)
    )


def _fuses(layer: Module, following: Module | None = None) -> bool:
    """Whether the second is an activation that the first computes with it."""
    return (
        type(layer) in FUSED
        and isinstance(following, Activation)
        and following.function in ACTIVATIONS
        and type(following).forward is Activation.forward
        and not _watched(layer, following)
    )
