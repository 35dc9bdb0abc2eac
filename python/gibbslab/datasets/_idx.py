"""The IDX array format of the MNIST files.

Layout: two zero bytes, one byte for the element type, one byte for the number of dimensions n,
n big-endian 32-bit sizes, then the elements in row-major order, big-endian.
"""

from __future__ import annotations

import math
import os
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gibbslab.datasets._stream import ByteStream
from gibbslab.errors import FormatError

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MAX_DIMENSIONS = 8
DEFAULT_MAX_BYTES = 1 << 30


def _decode_header(stream: ByteStream, max_bytes: int) -> tuple[np.dtype[Any], tuple[int, ...]]:
    magic = stream.read_exact(4, "magic number")
    if magic[0] or magic[1] or magic[2] not in _TYPES:
        raise FormatError(f"{stream.label}: not an IDX file: magic number is 0x{magic.hex()}")
    if not 1 <= magic[3] <= _MAX_DIMENSIONS:
        raise FormatError(
            f"{stream.label}: number of dimensions must be 1 to {_MAX_DIMENSIONS}, got {magic[3]}"
        )
    shape = struct.unpack(f">{magic[3]}I", stream.read_exact(4 * magic[3], "shape"))
    dtype = np.dtype(_TYPES[magic[2]])
    # Python integers do not overflow, so the product is exact whatever the sizes are.
    n_bytes = math.prod(shape) * dtype.itemsize
    if not 0 < n_bytes <= max_bytes:
        raise FormatError(
            f"{stream.label}: shape {shape} needs {n_bytes} bytes, expected 1 to {max_bytes}"
        )
    return dtype, shape


def decode_idx(stream: ByteStream, max_bytes: int = DEFAULT_MAX_BYTES) -> NDArray[Any]:
    """Decode one IDX array from `stream`, which must end with it."""
    dtype, shape = _decode_header(stream, max_bytes)
    data = stream.read_exact(math.prod(shape) * dtype.itemsize, "data")
    stream.expect_end()
    array = np.frombuffer(data, dtype=dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)


def read_idx(path: str | os.PathLike[str], *, max_bytes: int = DEFAULT_MAX_BYTES) -> NDArray[Any]:
    """Read an array from an IDX file, gzip-compressed or not.

    Safe against any content: the file is read or `FormatError` is raised, and no more memory is
    used than the file really holds or `max_bytes` allows.

    Parameters
    ----------
    path : str or path-like
        The file. Compression is recognised by content, not by name.
    max_bytes : int, default=2**30
        Largest array to accept, in bytes.

    Returns
    -------
    array : ndarray
        Of the shape and element type that the file states, in native byte order, writable.

    Raises
    ------
    FormatError
        If the file is not IDX, is truncated, damaged or too long, holds no element, or its array
        is larger than `max_bytes`.
    OSError
        If the file cannot be opened or read.
    """
    with open(path, "rb") as file:
        return decode_idx(ByteStream(file, f"[read_idx] {os.fspath(path)}"), max_bytes)
