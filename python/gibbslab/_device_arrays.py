"""Arrays in a device's memory that callers pass in: told from host arrays, checked, borrowed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from . import _core
from ._core import DeviceArray

__all__ = ["device_batch", "device_parameter", "lies_on_device", "shape_of"]

CUDA_TYPES = (2, 13)  # of DLPack: a card's own memory, and managed memory
_DLPACK_KINDS = ("int", "uint", "float", "opaque", "bfloat", "complex", "bool")


class _Foreign(NamedTuple):
    """Another library's array, whichever protocol it came by; strides in elements."""

    pointer: int
    dtype: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    owner: Any
    queue: int | None  # that its values come from, where we have to wait for it


def lies_on_device(x: Any) -> bool:
    """Whether `x` is an array in the memory of a CUDA device, of this or any other library."""
    if isinstance(x, (np.ndarray, list, tuple, int, float)):
        return False
    if isinstance(x, DeviceArray):
        return True
    if hasattr(type(x), "__dlpack_device__"):
        return int(x.__dlpack_device__()[0]) in CUDA_TYPES
    return hasattr(x, "__cuda_array_interface__")


def shape_of(x: Any) -> tuple[int, ...]:
    """Shape of an array that `lies_on_device`."""
    shape = x.shape if hasattr(x, "shape") else x.__cuda_array_interface__["shape"]
    return tuple(int(n) for n in shape)


def _row_major(shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))


def _checked_dtype(dtype: str, name: str, op: str) -> str:
    """The name of the number type, if arrays of it can be taken."""
    if dtype != "float32" and dtype not in _core.ELEMENTS:
        raise TypeError(
            f"[{op}] {name} must hold float32 or {', '.join(_core.ELEMENTS)} on the device, "
            f"got {dtype}: convert it there, for example with .astype('float32') or .float()"
        )
    return dtype


def _by_dlpack(x: Any, name: str, op: str, device: str) -> _Foreign:
    place = tuple(int(n) for n in x.__dlpack_device__())
    if place[1] != 0:
        raise ValueError(f"[{op}] {name} must lie on the first CUDA device, (2, 0), got {place}")
    queue = _core.queue(device)
    try:
        try:
            capsule = x.__dlpack__(stream=queue, max_version=(1, 0))
        except TypeError:  # a producer from before versions
            capsule = x.__dlpack__(stream=queue)
        array = _core.DlpackArray(capsule)
    except (BufferError, RuntimeError, TypeError) as error:
        raise TypeError(f"[{op}] {name} cannot be shared by its owner: {error}") from error
    kind, bits, lanes = array.dtype
    known = _DLPACK_KINDS[kind] if kind < len(_DLPACK_KINDS) else f"kind {kind}, bits "
    found = "bool" if (known, bits) == ("bool", 8) else f"{known}{bits}"
    dtype = _checked_dtype(found if lanes == 1 else f"{found}x{lanes}", name, op)
    strides = _row_major(array.shape) if array.strides is None else array.strides
    return _Foreign(array.pointer, dtype, array.shape, strides, array, None)


def _by_cuda_array_interface(x: Any, name: str, op: str) -> _Foreign:
    interface = x.__cuda_array_interface__
    if interface.get("mask") is not None:
        raise TypeError(f"[{op}] {name} must not be a masked array")
    described = np.dtype(interface["typestr"])
    dtype = _checked_dtype(described.name if described.isnative else str(described), name, op)
    queue = interface.get("stream")
    if queue is not None and (not isinstance(queue, int) or queue <= 0):
        raise ValueError(
            f"[{op}] {name} must name its stream by None, 1, 2 or a handle, got {queue!r}"
        )
    shape = tuple(int(n) for n in interface["shape"])
    strides = interface.get("strides")
    if strides is None:
        strides = _row_major(shape)
    elif any(int(s) % described.itemsize for s in strides):
        raise ValueError(f"[{op}] {name} must have strides of whole elements, got {strides} bytes")
    else:
        strides = tuple(int(s) // described.itemsize for s in strides)
    return _Foreign(int(interface["data"][0]), dtype, shape, strides, x, queue)


def _borrowed(x: Any, width: int, name: str, op: str, device: str) -> DeviceArray:
    """The array's values as rows of `width`, as they lie if they are float32, else converted.

    Refuses what no row stride describes.
    """
    if hasattr(type(x), "__dlpack_device__"):
        foreign = _by_dlpack(x, name, op, device)
    else:
        foreign = _by_cuda_array_interface(x, name, op)
    rows = math.prod(foreign.shape) // width
    step = _row_step(foreign.shape, foreign.strides, width)
    if step is None:
        raise ValueError(
            f"[{op}] {name} must have contiguous rows on the device, got shape {foreign.shape} "
            f"with strides {foreign.strides} in elements: copy it to C order there"
        )
    place = (foreign.pointer, rows, width, step)
    rest = (foreign.queue, device, f"[{op}] {name}")
    if foreign.dtype == "float32":
        return _core.borrow(*place, foreign.owner, *rest)
    return _core.convert(*place, foreign.dtype, *rest)


def _row_step(shape: Sequence[int], strides: Sequence[int], width: int) -> int | None:
    """Elements from one row of `width` to the next, or None where rows do not lie so."""
    runs: list[tuple[int, int]] = []  # (values, stride) of axes that merge, from the last on
    for size, stride in reversed([(n, s) for n, s in zip(shape, strides) if n != 1]):
        if runs and stride == runs[-1][0] * runs[-1][1]:
            runs[-1] = (runs[-1][0] * size, runs[-1][1])
        else:
            runs.append((size, stride))
    if width == 1 and len(runs) == 1 and runs[0][1] != 1:
        runs.insert(0, (1, 1))  # a column of a wider matrix
    if not runs or (len(runs) == 1 and runs[0][1] == 1):
        return width
    inner, outer = runs[0], runs[-1]
    fits = len(runs) == 2 and inner == (width, 1) and outer[1] >= width
    return outer[1] if fits else None


def _checked_place(x: Any, name: str, op: str, device: str | None) -> str:
    if device is None:
        raise TypeError(
            f"[{op}] {name} must be in the host's memory, got a {type(x).__name__} on a CUDA "
            "device: copy it with .to_numpy(), .get() or .cpu()"
        )
    if device == "cpu":
        raise TypeError(
            f"[{op}] {name} lies on a CUDA device, and the model computes on the CPU: copy it to "
            "the host, or make the model with device='cuda'"
        )
    return device


def device_batch(x: Any, name: str, op: str, width: int, device: str | None) -> DeviceArray:
    """A batch of rows of `width` finite values on `device`, without a copy if they are float32.

    Raises
    ------
    TypeError
        If the model computes elsewhere, or the values are no numbers of a known type.
    ValueError
        If the rows do not lie in a row stride, there are none, or a value is not finite.
    """
    here = _checked_place(x, name, op, device)
    shape = shape_of(x)
    if math.prod(shape) == 0:
        raise ValueError(f"[{op}] {name} must have at least one row, got shape {shape}")
    if not isinstance(x, DeviceArray) or shape[-1] != width:
        x = _borrowed(x, width, name, op, here)
    if not _core.all_finite(x):
        raise ValueError(f"[{op}] {name} must be finite in float32, got NaN or infinity")
    return x


def device_parameter(
    x: Any, name: str, op: str, shape: tuple[int, ...], device: str | None
) -> DeviceArray:
    """A parameter of exactly `shape` on `device`; errors as `device_batch`'s."""
    if shape_of(x) != shape:
        raise ValueError(f"[{op}] {name} must have shape {shape}, got {shape_of(x)}")
    return device_batch(x, name, op, shape[-1], device)
