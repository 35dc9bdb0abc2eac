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
_BYTES = 4


class _Foreign(NamedTuple):
    """Another library's array, whichever protocol it came by; strides in bytes."""

    pointer: int
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
    return tuple(_BYTES * math.prod(shape[axis + 1 :]) for axis in range(len(shape)))


def _refuse_dtype(got: str, name: str, op: str) -> None:
    raise TypeError(
        f"[{op}] {name} must be float32 on the device, got {got}: convert it there, for example "
        "with .astype('float32') or .float()"
    )


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
    if (kind, bits, lanes) != (2, 32, 1):
        known = _DLPACK_KINDS[kind] if kind < len(_DLPACK_KINDS) else f"kind {kind}, bits "
        _refuse_dtype(known if known == "bool" else f"{known}{bits}", name, op)
    steps = array.strides
    strides = _row_major(array.shape) if steps is None else tuple(_BYTES * s for s in steps)
    return _Foreign(array.pointer, array.shape, strides, array, None)


def _by_cuda_array_interface(x: Any, name: str, op: str) -> _Foreign:
    interface = x.__cuda_array_interface__
    if interface.get("mask") is not None:
        raise TypeError(f"[{op}] {name} must not be a masked array")
    if interface["typestr"] not in ("<f4", "=f4"):
        _refuse_dtype(str(np.dtype(interface["typestr"])), name, op)
    queue = interface.get("stream")
    if queue is not None and (not isinstance(queue, int) or queue <= 0):
        raise ValueError(
            f"[{op}] {name} must name its stream by None, 1, 2 or a handle, got {queue!r}"
        )
    shape = tuple(int(n) for n in interface["shape"])
    strides = interface.get("strides")
    strides = _row_major(shape) if strides is None else tuple(int(s) for s in strides)
    return _Foreign(int(interface["data"][0]), shape, strides, x, queue)


def _borrowed(x: Any, width: int, name: str, op: str, device: str) -> DeviceArray:
    """The array's values as rows of `width`, as they lie; refuses what no row stride describes."""
    if hasattr(type(x), "__dlpack_device__"):
        foreign = _by_dlpack(x, name, op, device)
    else:
        foreign = _by_cuda_array_interface(x, name, op)
    rows = math.prod(foreign.shape) // width
    step = _row_step(foreign.shape, foreign.strides, width)
    if step is None:
        raise ValueError(
            f"[{op}] {name} must have contiguous rows on the device, got shape {foreign.shape} "
            f"with strides {foreign.strides} in bytes: copy it to C order there"
        )
    return _core.borrow(
        foreign.pointer, rows, width, step, foreign.owner, foreign.queue, device, f"[{op}] {name}"
    )


def _row_step(shape: Sequence[int], strides: Sequence[int], width: int) -> int | None:
    """Floats from one row of `width` to the next, or None where rows do not lie so."""
    runs: list[tuple[int, int]] = []  # (values, stride) of axes that merge, from the last on
    for size, stride in reversed([(n, s) for n, s in zip(shape, strides) if n != 1]):
        if runs and stride == runs[-1][0] * runs[-1][1]:
            runs[-1] = (runs[-1][0] * size, runs[-1][1])
        else:
            runs.append((size, stride))
    if width == 1 and len(runs) == 1 and runs[0][1] != _BYTES:
        runs.insert(0, (1, _BYTES))  # a column of a wider matrix
    if not runs or (len(runs) == 1 and runs[0][1] == _BYTES):
        return width
    inner, outer = runs[0], runs[-1]
    fits = len(runs) == 2 and inner == (width, _BYTES)
    if not fits or outer[1] % _BYTES or outer[1] < width * _BYTES:
        return None
    return outer[1] // _BYTES


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
    """A batch of rows of `width` values on `device`, without a copy; its values are finite.

    Raises
    ------
    TypeError
        If the model computes elsewhere, or the values are not float32.
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
