"""Batches of images: their sizes, and where their channels lie.

Inside, a sample is a row and its channels come last: (n, height, width, channels), "NHWC".
"""

from __future__ import annotations

from typing import Any

from .. import _core
from .._validation import as_integer
from ._variable import Variable

FORMATS = ("NHWC", "NCHW")
Pair = tuple[int, int]


def as_pair(value: Any, name: str, op: str, minimum: int = 1) -> Pair:
    """Of rows and columns, from one whole number for both or two."""
    if isinstance(value, (tuple, list)):
        if len(value) != 2:
            raise ValueError(f"[{op}] {name} must be an integer or two, got {value!r}")
        rows, cols = value
        return as_integer(rows, name, op, minimum), as_integer(cols, name, op, minimum)
    size = as_integer(value, name, op, minimum)
    return size, size


def as_format(value: Any, op: str) -> str:
    """The name of an order of dimensions."""
    if value not in FORMATS:
        raise ValueError(f"[{op}] data_format must be one of {list(FORMATS)}, got {value!r}")
    return str(value)


class Images:
    """A batch of images as the core has it.

    Attributes
    ----------
    n, height, width, channels : int
    core : core variable, (n, height * width * channels)
    """

    def __init__(self, core: _core.nn.Variable, height: int, width: int, channels: int) -> None:
        self.core, self.n = core, core.rows
        self.height, self.width, self.channels = height, width, channels

    @classmethod
    def of(cls, x: Variable, data_format: str, op: str, channels: int | None = None) -> Images:
        """From a variable of four dimensions, with this many channels where that is known."""
        last = data_format == "NHWC"
        if x.ndim != 4 or channels not in (None, x.shape[3 if last else 1]):
            name = "channels" if channels is None else channels
            form = f"(n, height, width, {name})" if last else f"(n, {name}, height, width)"
            raise ValueError(f"[{op}] x must have shape {form}, got {x.shape}")
        if last:
            return cls(x._node, *x.shape[1:])
        _, c, height, width = x.shape
        return cls(_swapped(x._node, c, height * width), height, width, c)

    def variable(self, data_format: str) -> Variable:
        """With four dimensions, in that order."""
        if data_format == "NHWC":
            return Variable._of(self.core, (self.n, self.height, self.width, self.channels))
        core = _swapped(self.core, self.height * self.width, self.channels)
        return Variable._of(core, (self.n, self.channels, self.height, self.width))


def _swapped(core: _core.nn.Variable, rows: int, cols: int) -> _core.nn.Variable:
    return core if 1 in (rows, cols) else _core.nn.swap_axes(core, rows, cols)
