"""Operations on images in float64 NumPy; a sample is a row, channels last inside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

Pair = tuple[int, int]
Triple = tuple[int, int, int]


class Geometry(NamedTuple):
    """Images (rows, columns, channels) that a convolution takes to others, and how."""

    image: Triple
    out: Triple
    kernel: Pair
    stride: Pair
    corner: Pair

    def core(self, nn: Any) -> Any:
        return nn.ConvGeometry(*self)

    @property
    def inputs(self) -> int:
        return int(np.prod(self.image))

    @property
    def outputs(self) -> int:
        return int(np.prod(self.out))

    @property
    def weights(self) -> tuple[int, int]:
        return self.out[2], int(np.prod(self.kernel)) * self.image[2]


def geometry(
    image: Pair, channels: Pair, kernel: Pair, stride: Pair = (1, 1), padding: int = 0
) -> Geometry:
    """As a layer with `padding` zeros on every side has it."""
    rows, cols = ((n + 2 * padding - k) // s + 1 for n, k, s in zip(image, kernel, stride))
    return Geometry(
        (*image, channels[0]), (rows, cols, channels[1]), kernel, stride, (padding,) * 2
    )


def _taps(g: Geometry) -> Iterator[tuple[int, int, tuple[slice, slice]]]:
    """Each tap with the pixels that it sees of an image in its frame of zeros."""
    for i in range(g.kernel[0]):
        for j in range(g.kernel[1]):
            seen = (slice(first, first + count * step, step)
                    for first, count, step in zip((i, j), g.out, g.stride))  # fmt: skip
            yield i, j, tuple(seen)


def _frame(g: Geometry, n: int) -> tuple[np.ndarray, tuple[slice, slice, slice]]:
    """Zeros around the images, and where these lie in them."""
    sides = [
        max(corner + size, out * step + kernel)
        for corner, size, out, step, kernel in zip(g.corner, g.image, g.out, g.stride, g.kernel)
    ]
    inside = (slice(corner, corner + size) for corner, size in zip(g.corner, g.image))
    return np.zeros((n, *sides, g.image[2])), (slice(None), *inside)


def rounded(x: np.ndarray, to: str) -> np.ndarray:
    """Float32 values, as tensor cores take them: tf32, ties away from 0, or bf16, ties to even."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    if to == "tf32":
        return ((bits + 0x1000) & 0xFFFFE000).view(np.float32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).view(np.float32)


def conv(g: Geometry, x: np.ndarray, w: np.ndarray) -> np.ndarray:
    framed, inside = _frame(g, len(x))
    framed[inside] = x.reshape(-1, *g.image)
    w = w.reshape(g.out[2], *g.kernel, g.image[2])
    y = sum(framed[:, seen[0], seen[1]] @ w[:, i, j].T for i, j, seen in _taps(g))
    return y.reshape(len(x), -1)


def conv_transposed(g: Geometry, y: np.ndarray, w: np.ndarray) -> np.ndarray:
    framed, inside = _frame(g, len(y))
    y, w = y.reshape(-1, *g.out), w.reshape(g.out[2], *g.kernel, g.image[2])
    for i, j, seen in _taps(g):
        framed[:, seen[0], seen[1]] += y @ w[:, i, j]
    return framed[inside].reshape(len(y), -1)


def conv_weight(g: Geometry, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    framed, inside = _frame(g, len(x))
    framed[inside] = x.reshape(-1, *g.image)
    w = np.empty((g.out[2], *g.kernel, g.image[2]))
    for i, j, seen in _taps(g):
        w[:, i, j] = np.einsum("npqo,npqc->oc", y.reshape(-1, *g.out), framed[:, seen[0], seen[1]])
    return w.reshape(g.weights)


def swap_axes(x: np.ndarray, rows: int, cols: int) -> np.ndarray:
    return x.reshape(len(x), rows, cols).transpose(0, 2, 1).reshape(x.shape)


def moments(x: np.ndarray, channels: int) -> tuple[np.ndarray, np.ndarray]:
    z = x.reshape(-1, channels)
    return z.mean(axis=0, keepdims=True), z.var(axis=0, keepdims=True)


def batch_norm(
    x: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    epsilon: float,
    fixed: tuple[np.ndarray, np.ndarray] | None = None,
) -> np.ndarray:
    mean, variance = moments(x, gamma.shape[1]) if fixed is None else fixed
    z = x.reshape(-1, gamma.shape[1])
    return ((z - mean) / np.sqrt(variance + epsilon) * gamma + beta).reshape(x.shape)


def enlarging(size: int, factor: int, bilinear: bool) -> np.ndarray:
    """The matrix (size * factor, size) that enlarges along one side."""
    if not bilinear:
        return np.repeat(np.eye(size), factor, axis=0)
    place = np.clip((np.arange(size * factor) + 0.5) / factor - 0.5, 0, size - 1)
    return np.clip(1 - np.abs(place[:, None] - np.arange(size)), 0, None)


def upsample(x: np.ndarray, image: Triple, factor: Pair, bilinear: bool) -> np.ndarray:
    down, along = (enlarging(n, f, bilinear) for n, f in zip(image, factor))
    return np.einsum("pr,qk,nrkc->npqc", down, along, x.reshape(-1, *image)).reshape(len(x), -1)


def upsample_transposed(y: np.ndarray, image: Triple, factor: Pair, bilinear: bool) -> np.ndarray:
    rows, cols, channels = image
    down, along = (enlarging(n, f, bilinear) for n, f in zip(image, factor))
    y = y.reshape(-1, rows * factor[0], cols * factor[1], channels)
    return np.einsum("pr,qk,npqc->nrkc", down, along, y).reshape(len(y), -1)
