"""Imitations of other libraries' arrays, over the memory of a `DeviceArray`."""

from __future__ import annotations

import ctypes
from typing import Any

from gibbslab import DeviceArray


class ByInterface:
    """An array with nothing but ``__cuda_array_interface__``, as Numba's."""

    def __init__(self, memory: DeviceArray, **changes: Any) -> None:
        self.memory = memory
        self.__cuda_array_interface__ = memory.__cuda_array_interface__ | changes


class _Managed(ctypes.Structure):
    pass


class _Versioned(ctypes.Structure):
    pass


class _Array(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


_Managed._fields_ = [
    ("array", _Array),
    ("context", ctypes.c_void_p),
    ("deleter", ctypes.CFUNCTYPE(None, ctypes.POINTER(_Managed))),
]
_Versioned._fields_ = [
    ("major", ctypes.c_uint32),
    ("minor", ctypes.c_uint32),
    ("context", ctypes.c_void_p),
    ("deleter", ctypes.CFUNCTYPE(None, ctypes.POINTER(_Versioned))),
    ("flags", ctypes.c_uint64),
    ("array", _Array),
]

_new = ctypes.pythonapi.PyCapsule_New
_new.restype, _new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
_get = ctypes.pythonapi.PyCapsule_GetPointer
_get.restype, _get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
_name = ctypes.pythonapi.PyCapsule_GetName
_name.restype, _name.argtypes = ctypes.c_char_p, [ctypes.py_object]


def name_of(capsule: Any) -> str:
    return str(_name(capsule).decode())


def opened(capsule: Any) -> Any:
    """The structure in a capsule, plain or versioned."""
    kind = _Versioned if name_of(capsule).endswith("_versioned") else _Managed
    return kind.from_address(_get(capsule, _name(capsule)))


class ByDlpack:
    """An array with nothing but DLPack. It counts how often its capsules were given back."""

    def __init__(
        self,
        memory: DeviceArray,
        *,
        versioned: bool = True,
        shape: tuple[int, ...] | None = None,
        strides: tuple[int, ...] | None = None,
        dtype: tuple[int, int, int] = (2, 32, 1),
        device: tuple[int, int] = (2, 0),
        major: int = 1,
    ) -> None:
        self.memory, self.versioned = memory, versioned
        self.shape = memory.shape if shape is None else shape
        self.strides, self.dtype, self.device, self.major = strides, dtype, device, major
        self.given_back = 0
        self.streams: list[int] = []
        self._alive: list[Any] = []

    def __dlpack_device__(self) -> tuple[int, int]:
        return 2, self.device[1]

    def __dlpack__(self, *, stream: int, **versions: Any) -> Any:
        if versions and not self.versioned:
            raise TypeError("unexpected keyword argument 'max_version'")
        self.streams.append(stream)
        kind = _Versioned if self.versioned else _Managed
        managed = kind()
        if self.versioned:
            managed.major = self.major
        managed.array = self._array()
        managed.deleter = dict(kind._fields_)["deleter"](self._give_back)
        self._alive.append(managed)
        name = b"dltensor_versioned" if self.versioned else b"dltensor"
        return _new(ctypes.addressof(managed), name, None)

    def _array(self) -> _Array:
        numbers = ctypes.c_int64 * len(self.shape)
        shape = numbers(*self.shape)
        strides = None if self.strides is None else numbers(*self.strides)
        self._alive += [shape, strides]
        pointer = self.memory.__cuda_array_interface__["data"][0]
        cast = ctypes.POINTER(ctypes.c_int64)
        array = _Array(pointer - 8, *self.device, len(self.shape), *self.dtype)
        array.shape = ctypes.cast(shape, cast)
        array.strides = cast() if strides is None else ctypes.cast(strides, cast)
        array.byte_offset = 8
        return array

    def _give_back(self, managed: Any) -> None:
        self.given_back += 1
