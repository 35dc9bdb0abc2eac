"""Judging what a sound file says, field by field."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import FormatError
from ._reader import Document

__all__ = ["LARGEST", "Fields", "is_binary", "layer_sizes", "plain", "tensors_of"]

LARGEST = 2**64 - 1


def is_binary(name: str) -> bool:
    """Whether a tensor of this name holds 0 and 1, stored as uint8: persistent chains."""
    return name.startswith("chains")


def plain(value: Any) -> Any:
    """A number of NumPy as one of Python, which JSON can hold; anything else as it is."""
    return value.item() if isinstance(value, np.generic) else value


class Fields:
    """A JSON object whose names must be exactly those given; errors name the field."""

    def __init__(self, value: Any, where: str, names: set[str]) -> None:
        if not isinstance(value, dict):
            raise FormatError(f"{where} must be a JSON object")
        if set(value) != names:
            wrong = sorted(set(value) ^ names)
            raise FormatError(f"{where} has fields missing or unknown: {', '.join(wrong)[:200]}")
        self._value = value
        self.where = where

    def __getitem__(self, name: str) -> Any:
        return self._value[name]

    def fail(self, name: str, expected: str) -> FormatError:
        """The error for a field."""
        got = repr(self._value[name])[:80]
        return FormatError(f"{self.where}.{name} must be {expected}, got {got}")

    def integer(self, name: str, most: int) -> int:
        """An integer in 0 ... most."""
        value = self._value[name]
        if type(value) is not int or not 0 <= value <= most:
            raise self.fail(name, f"an integer in 0 ... {most}")
        return value

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        """One of the strings."""
        value = self._value[name]
        if not isinstance(value, str) or value not in choices:
            raise self.fail(name, f"one of {choices}")
        return value

    def names(self, name: str, count: int) -> list[str] | None:
        """`count` strings, or null."""
        value = self._value[name]
        if value is None:
            return None
        if not isinstance(value, list) or len(value) != count:
            raise self.fail(name, f"null or a list of {count} strings")
        if not all(isinstance(x, str) for x in value):
            raise self.fail(name, f"null or a list of {count} strings")
        return value


def tensors_of(
    document: Document, where: str, shapes: dict[str, tuple[int, ...]]
) -> dict[str, npt.NDArray[np.float32]]:
    """The tensors of the file as float32, if they are those of `shapes`, finite, and 0/1 for uint8.

    Raises
    ------
    FormatError
        Naming the tensor that is missing, too much, or wrong.
    """
    if set(document.tensors) != set(shapes):
        wrong = sorted(set(document.tensors) ^ set(shapes))
        raise FormatError(f"{where} tensors missing or unknown: {', '.join(wrong)[:200]}")
    out = {}
    for name, shape in shapes.items():
        tensor = document.tensors[name]
        dtype = np.dtype(np.uint8 if is_binary(name) else np.float32)
        if tensor.shape != shape or tensor.dtype != dtype:
            raise FormatError(
                f"{where} tensor {name!r} must be {dtype} of shape {shape}, got {tensor.dtype} "
                f"of shape {tensor.shape}"
            )
        good = tensor <= 1 if is_binary(name) else np.isfinite(tensor)
        if not good.all():
            expected = "0 or 1" if is_binary(name) else "finite"
            raise FormatError(f"{where} tensor {name!r} must be {expected} everywhere")
        out[name] = tensor.astype(np.float32)
    return out


def layer_sizes(document: Document, where: str) -> tuple[int, int]:
    """V and H, as the weights have them."""
    W = document.tensors.get("W")
    if W is None or W.ndim != 2:
        raise FormatError(f"{where} tensor 'W' must be there and have two dimensions")
    return W.shape[0], W.shape[1]
