"""Checks on what is to be drawn, before matplotlib is asked for anything."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.floating[Any]]
ImageShape = tuple[int, int]


def resolve_shape(n_pixels: int, image_shape: Any, operation: str) -> ImageShape:
    """Height and width: as given, or those of the square that `n_pixels` make."""
    if image_shape is None:
        side = math.isqrt(n_pixels)
        if side * side != n_pixels:
            raise ValueError(
                f"[{operation}] image_shape must be given as (height, width): "
                f"{n_pixels} pixels make no square"
            )
        return side, side
    try:
        height, width = (int(length) for length in image_shape)
    except (TypeError, ValueError):
        raise ValueError(
            f"[{operation}] image_shape must be (height, width), got {image_shape!r}"
        ) from None
    if height < 1 or width < 1 or height * width != n_pixels:
        raise ValueError(
            f"[{operation}] image_shape must hold {n_pixels} pixels, got {height} x {width}"
        )
    return height, width


def as_images(x: ArrayLike, image_shape: Any, operation: str, name: str) -> Floats:
    """Images of shape (n, height, width) from (n, pixels), (n, height, width) or (pixels,)."""
    array = np.asarray(x)
    if array.dtype.kind not in "buif":
        raise TypeError(f"[{operation}] {name} must be numbers, got dtype {array.dtype}")
    if array.ndim not in (1, 2, 3) or array.size == 0:
        raise ValueError(
            f"[{operation}] {name} must be images of shape (n, pixels) or (n, height, width), "
            f"got shape {array.shape}"
        )
    if array.ndim == 3 and image_shape is None:
        image_shape = array.shape[1:]
    rows = np.atleast_2d(array) if array.ndim < 3 else array.reshape(len(array), -1)
    if not np.isfinite(rows).all():
        raise ValueError(f"[{operation}] {name} must be finite, got NaN or infinity")
    height, width = resolve_shape(rows.shape[1], image_shape, operation)
    return rows.astype(np.result_type(rows.dtype, np.float32)).reshape(-1, height, width)


def same_shape(reference: Floats, other: Floats, operation: str, name: str) -> None:
    """Raise unless both hold the same number of images of the same size."""
    if reference.shape != other.shape:
        raise ValueError(
            f"[{operation}] {name} must have shape {reference.shape}, got {other.shape}"
        )
