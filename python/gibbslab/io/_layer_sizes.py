"""How large the values between layers are, found without computing them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .. import nn

__all__ = ["check_sizes"]

Shape = tuple[int, ...]

# For one sample: 16 MiB for the values, 128 MiB for the patches of a convolution.
_MOST_VALUES, _MOST_PATCHES = 1 << 22, 1 << 25


def check_sizes(layers: Sequence[nn.Module], shape: Shape) -> Shape:
    """The shape of what the layers give for a sample; `ValueError` for one that is too large."""
    for layer in layers:
        shape, patches = _after(layer, shape)
        if min(shape, default=1) < 1 or math.prod(shape) > _MOST_VALUES or patches > _MOST_PATCHES:
            raise ValueError(f"architecture: {type(layer).__name__} would give values {shape}")
    return shape


def _after(layer: Any, shape: Shape) -> tuple[Shape, int]:
    """The shape of a layer's result, and the values of the patches that it looks at."""
    if isinstance(layer, nn.Linear):
        return (layer.out_features,), 0
    if isinstance(layer, nn.Flatten):
        return (math.prod(shape),), 0
    if isinstance(layer, nn.Reshape):
        return _reshaped(layer.shape, math.prod(shape)), 0
    if not isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Upsample)):
        return shape, 0
    if len(shape) != 3:
        raise ValueError(f"architecture: {type(layer).__name__} needs images, got {shape}")
    first = layer.data_format == "NCHW"
    height, width = shape[1:] if first else shape[:2]
    if isinstance(layer, nn.Upsample):
        rows, cols = height * layer.scale_factor[0], width * layer.scale_factor[1]
        channels, patches = shape[0 if first else 2], 0
    else:
        rows, cols = layer._side(height, 0)[0], layer._side(width, 1)[0]
        channels = layer.out_channels
        area = max(rows * cols, height * width) * math.prod(layer.kernel_size)
        patches = area * max(channels, layer.in_channels)
    return ((channels, rows, cols) if first else (rows, cols, channels)), patches


def _reshaped(to: Shape, size: int) -> Shape:
    known = math.prod(n for n in to if n != -1)
    if 0 in to or to.count(-1) > 1 or size % known:
        raise ValueError(f"architecture: {size} values cannot take the shape {to}")
    return tuple(size // known if n == -1 else n for n in to)
