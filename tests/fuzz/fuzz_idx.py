"""libFuzzer target for the IDX and gzip reader.

    pip install atheris
    python tests/fuzz/fuzz_idx.py -max_total_time=60

Anything but an array or `FormatError` is a crash, and so is an array that does not encode back to
the bytes it was read from. Seeds are made here; a folder given on the command line is used too.
"""

from __future__ import annotations

import gzip
import io
import struct
import sys
import tempfile
from pathlib import Path

import atheris
import numpy as np

with atheris.instrument_imports(include=["gibbslab.datasets"]):
    from gibbslab.datasets._idx import decode_idx
    from gibbslab.datasets._stream import ByteStream

from gibbslab.errors import FormatError

MAX_BYTES = 1 << 20
CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def encode(array: np.ndarray) -> bytes:
    header = struct.pack(
        f">BBBB{array.ndim}I", 0, 0, CODES[array.dtype.str[1:]], array.ndim, *array.shape
    )
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def decode(content: bytes) -> np.ndarray | None:
    try:
        return decode_idx(ByteStream(io.BytesIO(content), "[fuzz]", hashed=True), MAX_BYTES)
    except FormatError:
        return None


def check(data: bytes) -> None:
    """Decode `data` as it is and as the content of a gzip file, which a mutation rarely is."""
    plain = decode(data)
    if plain is not None and not data.startswith(b"\x1f\x8b") and encode(plain) != data:
        raise AssertionError("the array does not encode back to its file")
    packed = decode(gzip.compress(data, 1))
    if packed is not None and encode(packed) != data:
        raise AssertionError("the array does not encode back to its packed file")


def seeds() -> list[bytes]:
    """One small file of every element type, of several dimensions, plain and packed."""
    arrays = [np.arange(6, dtype=code).reshape(1, 2, 3) for code in CODES]
    arrays += [np.ones((1,) * n, dtype=np.uint8) for n in range(1, 9)]
    plain = [encode(array) for array in arrays]
    huge = struct.pack(">BBBB4I", 0, 0, 8, 4, *[1 << 16] * 4)
    return [*plain, *map(gzip.compress, plain), huge, gzip.compress(bytes(1 << 20))]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(seeds()):
            Path(folder, str(number)).write_bytes(seed)
        atheris.Setup([*sys.argv, folder], check)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
