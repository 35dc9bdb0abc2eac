"""How variables are computed with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import _core
from .._validation import as_integer

if TYPE_CHECKING:
    from ._variable import Variable

Shape = tuple[int, ...]


def matrix_shape(shape: Shape) -> tuple[int, int]:
    """Rows and columns in which the core keeps values of this shape."""
    if len(shape) < 2:
        return 1, math.prod(shape)
    return shape[0], math.prod(shape[1:])


class Arithmetic:
    """Operators, shapes, sums and functions of `Variable`."""

    _node: _core.nn.Variable
    _shape: Shape

    @classmethod
    def _of(cls, core: _core.nn.Variable, shape: Shape) -> Variable:
        """A result of the core, with its shape."""
        raise NotImplementedError

    def _beside(self, x: Any, op: str) -> Variable:
        """`x` as a variable on the same device."""
        raise NotImplementedError

    def __add__(self, other: Any) -> Variable:
        return _combine("add", self, other)

    def __radd__(self, other: Any) -> Variable:
        return _combine("add", other, self)

    def __sub__(self, other: Any) -> Variable:
        return _combine("subtract", self, other)

    def __rsub__(self, other: Any) -> Variable:
        return _combine("subtract", other, self)

    def __mul__(self, other: Any) -> Variable:
        return _combine("multiply", self, other)

    def __rmul__(self, other: Any) -> Variable:
        return _combine("multiply", other, self)

    def __truediv__(self, other: Any) -> Variable:
        return _combine("divide", self, other)

    def __rtruediv__(self, other: Any) -> Variable:
        return _combine("divide", other, self)

    def __neg__(self) -> Variable:
        return self._same_shape(_core.nn.affine(self._node, -1.0))

    def __pow__(self, power: float) -> Variable:
        """By a whole number of at least 1, or by 1/2."""
        if power == 0.5:
            return self.sqrt()
        result = self * 1.0
        for _ in range(as_integer(power, "power", "Variable") - 1):
            result = result * self
        return result

    def __matmul__(self, other: Any) -> Variable:
        return _matmul(self, self._beside(other, "matmul"))

    def __rmatmul__(self, other: Any) -> Variable:
        return _matmul(self._beside(other, "matmul"), self)

    @property
    def T(self) -> Variable:
        """The transpose of a matrix."""
        if len(self._shape) != 2:
            raise ValueError(f"[T] a matrix is needed, got shape {self._shape}")
        return self._of(_core.nn.transpose(self._node), self._shape[::-1])

    def reshape(self, *shape: int | Sequence[int]) -> Variable:
        """The elements in their order, in another shape; one size may be -1."""
        given = shape[0] if len(shape) == 1 and isinstance(shape[0], Sequence) else shape
        try:
            to = np.empty(self._shape, np.bool_).reshape(given).shape
        except ValueError:
            raise ValueError(f"[reshape] {self._shape} cannot take the shape {given}") from None
        return self._of(_reshaped(self._node, matrix_shape(to)), to)

    view = reshape

    def sum(self, axis: int | None = None, *, keepdims: bool = False) -> Variable:
        """The sum of all elements, or along an axis of a matrix; in float64."""
        return self._reduced(axis, keepdims, 1.0)

    def mean(self, axis: int | None = None, *, keepdims: bool = False) -> Variable:
        """The mean of all elements, or along an axis of a matrix; in float64."""
        count = math.prod(self._shape) if axis is None else self._shape[axis]
        return self._reduced(axis, keepdims, 1.0 / max(count, 1))

    def _reduced(self, axis: int | None, keepdims: bool, scale: float) -> Variable:
        rows, cols = matrix_shape(self._shape)
        if axis is None:
            core = _core.nn.sum_to(self._node, 1, 1, scale)
            return self._of(core, (1,) * len(self._shape) if keepdims else ())
        if not -len(self._shape) <= axis < len(self._shape) or len(self._shape) > 2:
            raise ValueError(f"[sum] axis {axis} is none of a matrix, got shape {self._shape}")
        along_rows = len(self._shape) == 2 and axis % 2 == 0
        core = _core.nn.sum_to(self._node, *((1, cols) if along_rows else (rows, 1)), scale)
        kept = tuple(1 if i == axis % len(self._shape) else n for i, n in enumerate(self._shape))
        shape = kept if keepdims else tuple(np.delete(self._shape, axis).tolist())
        return self._of(_reshaped(core, matrix_shape(shape)), shape)

    def _same_shape(self, core: _core.nn.Variable) -> Variable:
        return self._of(core, self._shape)

    def _mapped(self, function: str, alpha: float = 0.0) -> Variable:
        return self._same_shape(_core.nn.map(function, self._node, alpha))

    def exp(self) -> Variable:
        """The exponential of each element."""
        return self._mapped("exp")

    def log(self) -> Variable:
        """The natural logarithm of each element."""
        return self._mapped("log")

    def sqrt(self) -> Variable:
        """The square root of each element."""
        return self._mapped("sqrt")


def _reshaped(core: _core.nn.Variable, shape: tuple[int, int]) -> _core.nn.Variable:
    if (core.rows, core.cols) == shape:
        return core
    return _core.nn.reshape(core, *shape)


def _combine(kind: str, a: Any, b: Any) -> Variable:
    like: Arithmetic = a if isinstance(a, Arithmetic) else b
    x, y = like._beside(a, kind), like._beside(b, kind)
    try:
        shape = np.broadcast_shapes(x._shape, y._shape)
    except ValueError:
        raise ValueError(f"[{kind}] shapes {x._shape} and {y._shape} do not fit") from None
    single = math.prod(x._shape) == 1 or math.prod(y._shape) == 1 or x._shape == y._shape
    if len(shape) > 2 and not single:
        raise ValueError(
            f"[{kind}] beyond two dimensions shapes must be equal, got {x._shape} and {y._shape}"
        )
    return like._of(_core.nn.combine(kind, x._node, y._node), shape)


def _matmul(a: Arithmetic, b: Arithmetic) -> Variable:
    if len(a._shape) != 2 or len(b._shape) != 2 or a._shape[1] != b._shape[0]:
        raise ValueError(f"[matmul] shapes {a._shape} and {b._shape} do not fit")
    core = _core.nn.matmul(a._node, False, b._node, False)
    return a._of(core, (a._shape[0], b._shape[1]))
