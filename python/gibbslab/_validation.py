"""Checks of what callers pass in: one place, one style of message."""

from __future__ import annotations

import math
import numbers
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.utils import check_random_state

from . import _core
from ._device_arrays import device_batch, device_parameter, lies_on_device, shape_of

__all__ = [
    "as_array",
    "as_batch",
    "as_beta",
    "as_integer",
    "as_mask",
    "as_parameter",
    "as_random_state",
    "as_real",
    "as_seed",
    "as_threads",
    "as_trailing_batch",
]

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]


def _dense(x: Any, name: str, op: str) -> npt.NDArray[Any]:
    """`x` as an array of real numbers, without a copy where it is one."""
    if hasattr(x, "tocsr"):
        raise TypeError(f"[{op}] {name} must be a dense array, got a sparse {type(x).__name__}")
    try:
        array = np.asarray(x)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"[{op}] {name} must be a rectangular array: {error}") from None
    if array.dtype.kind not in "biuf":
        raise TypeError(f"[{op}] {name} must hold real numbers, got dtype {array.dtype}")
    return array


def _float32(array: npt.NDArray[Any], name: str, op: str) -> FloatArray:
    """C-contiguous, aligned, native float32; refuses what float32 cannot hold."""
    with np.errstate(over="ignore"):
        out = np.require(array, np.float32, ["C", "A"])
    # A finite sum proves every term finite, and is much cheaper than testing each of them.
    with np.errstate(over="ignore", invalid="ignore"):
        finite = math.isfinite(out.sum()) or bool(np.isfinite(out).all())
    if not finite:
        raise ValueError(f"[{op}] {name} must be finite in float32, got NaN, infinity or overflow")
    return out


def _check_binary(array: FloatArray, name: str, op: str) -> None:
    if not np.logical_or(array == 0, array == 1).all():
        raise ValueError(
            f"[{op}] {name} must hold only 0 and 1, got values from {array.min():g} to "
            f"{array.max():g}"
        )


def _finish(array: npt.NDArray[Any], name: str, op: str, width: int, binary: bool) -> FloatArray:
    if array.size == 0:
        raise ValueError(f"[{op}] {name} must have at least one row, got shape {array.shape}")
    out = _float32(array.reshape(-1, width), name, op)
    if binary:
        _check_binary(out, name, op)
    return out


def _check_columns(shape: tuple[int, ...], name: str, op: str, width: int) -> None:
    trailing = 1
    for size in reversed(shape):
        trailing *= size
        if trailing >= width:
            break
    if not shape or trailing != width:
        raise ValueError(f"[{op}] {name} must have {width} columns, got shape {shape}")


def as_batch(
    x: Any, name: str, op: str, width: int, *, binary: bool = False, device: str | None = None
) -> Any:
    """A batch of rows, checked and ready for the core.

    Parameters
    ----------
    x : array_like of shape (n, width)
        Or (width,) for one row, or with the `width` values laid out over several trailing axes,
        as in images of shape (n, 28, 28). Booleans, integers and floats of any byte order,
        strides and alignment; never written to.
    name, op : str
        Argument and operation, for messages.
    width : int
        Values per row.
    binary : bool, default=False
        Refuse values other than 0 and 1.
    device : {"cpu", "cuda"}, optional
        Where the model computes that takes the batch. An array in a device's memory must have
        contiguous rows; float32 is taken as it lies, other numbers are converted on the device.
        None is taken by default.

    Returns
    -------
    ndarray or DeviceArray of shape (n, width), float32
        C-contiguous; the input itself where it already is.

    Raises
    ------
    TypeError
        If the values are not real numbers (complex, strings, objects, sparse matrices).
    ValueError
        If the shape does not fit, there are no rows, or a value is not finite in float32.
    """
    if lies_on_device(x):
        _check_columns(shape_of(x), name, op, width)
        batch = device_batch(x, name, op, width, device)
        if binary and not _core.all_binary(batch):
            raise ValueError(f"[{op}] {name} must hold only 0 and 1, got other values")
        return batch
    array = _dense(x, name, op)
    _check_columns(array.shape, name, op, width)
    return _finish(array, name, op, width, binary)


def as_trailing_batch(x: Any, name: str, op: str, width: int, *, device: str | None = None) -> Any:
    """Any array whose values reshape to (-1, `width`), as the course template's ``view`` does.

    Parameters and errors are those of `as_batch`, which refuses the shapes that merely divide.
    """
    if lies_on_device(x):
        shape = shape_of(x)
        if math.prod(shape) % width:
            raise ValueError(f"[{op}] {name} must reshape to (-1, {width}), got shape {shape}")
        return device_batch(x, name, op, width, device)
    array = _dense(x, name, op)
    if array.size % width:
        raise ValueError(f"[{op}] {name} must reshape to (-1, {width}), got shape {array.shape}")
    return _finish(array, name, op, width, binary=False)


def as_array(x: Any, name: str, op: str) -> FloatArray:
    """An array of any shape, finite, float32; `TypeError` or `ValueError` otherwise."""
    array = _dense(x, name, op)
    return _float32(array, name, op).reshape(array.shape)


def as_parameter(
    x: Any, name: str, op: str, shape: tuple[int, ...], *, device: str | None = None
) -> Any:
    """A parameter of exactly `shape`, finite, float32; `TypeError` or `ValueError` otherwise."""
    if lies_on_device(x):
        return device_parameter(x, name, op, shape, device)
    array = _dense(x, name, op)
    if array.shape != shape:
        raise ValueError(f"[{op}] {name} must have shape {shape}, got {array.shape}")
    return _float32(array, name, op)


def as_mask(mask: Any, name: str, op: str, rows: int, width: int) -> BoolArray:
    """A boolean mask of shape (1, width) or (rows, width) from booleans or zeros and ones."""
    out = as_batch(mask, name, op, width, binary=True).astype(bool)
    if len(out) not in (1, rows):
        raise ValueError(f"[{op}] {name} must have 1 or {rows} rows, got {len(out)}")
    return out


def as_integer(value: Any, name: str, op: str, minimum: int = 1, maximum: int = 2**63 - 1) -> int:
    """A whole number in `minimum` ... `maximum`."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
        raise TypeError(f"[{op}] {name} must be an integer, got {value!r}")
    if int(value) < minimum:
        raise ValueError(f"[{op}] {name} must be at least {minimum}, got {value!r}")
    if int(value) > maximum:
        raise ValueError(f"[{op}] {name} must be at most {maximum}, got {value!r}")
    return int(value)


def as_real(value: Any, name: str, op: str, minimum: float = 0.0) -> float:
    """A real number of at least `minimum` that float32 can hold."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        raise TypeError(f"[{op}] {name} must be a real number, got {value!r}")
    # Written so that NaN fails too.
    if not abs(float(value)) <= float(np.finfo(np.float32).max) or float(value) < minimum:
        least = "" if minimum == -math.inf else f" and at least {minimum:g}"
        raise ValueError(f"[{op}] {name} must be finite{least}, got {value!r}")
    return float(value)


def as_beta(beta: Any, op: str) -> float:
    """An inverse temperature: finite, at least 0; at 0 every state is equally likely."""
    return as_real(beta, "beta", op)


def as_threads(n_threads: Any, op: str) -> int:
    """Number of threads for the core, where 0 stands for its own choice (None here)."""
    if n_threads is None:
        return 0
    return as_integer(n_threads, "n_threads", op, maximum=1024)


def as_seed(random_state: Any, op: str = "random_state") -> int:
    """A 64-bit seed.

    Parameters
    ----------
    random_state : None, int, numpy.random.RandomState or numpy.random.Generator
        An integer in 0 ... 2**64 - 1 is the seed itself. A generator gives one draw, and moves on.
        None draws from NumPy's global state, as scikit-learn does.
    op : str
        Operation, for messages.

    Returns
    -------
    int

    Raises
    ------
    TypeError, ValueError
        If `random_state` is none of these, or a negative or too large integer.
    """
    if isinstance(random_state, numbers.Integral) and not isinstance(random_state, bool):
        if not 0 <= int(random_state) < 2**64:
            raise ValueError(f"[{op}] random_state must be in 0 ... 2**64 - 1, got {random_state}")
        return int(random_state)
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**64, dtype=np.uint64))
    if random_state is None or isinstance(random_state, np.random.RandomState):
        source = check_random_state(random_state)
        return int(source.randint(0, 2**64, dtype=np.uint64))
    raise TypeError(
        f"[{op}] random_state must be None, an int, a RandomState or a Generator, "
        f"got {random_state!r}"
    )


def as_random_state(random_state: Any, op: str = "random_state") -> np.random.RandomState:
    """The RandomState that scikit-learn would use, for draws that must match its own."""
    if isinstance(random_state, numbers.Integral) and 0 <= int(random_state) < 2**32:
        return np.random.RandomState(int(random_state))
    if random_state is None or isinstance(random_state, np.random.RandomState):
        return check_random_state(random_state)
    return np.random.RandomState(np.random.MT19937(as_seed(random_state, op)))
