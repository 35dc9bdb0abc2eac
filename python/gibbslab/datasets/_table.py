"""The text format of the UCR archive's series: numbers in columns of 16 characters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gibbslab.datasets._stream import ByteStream
from gibbslab.errors import FormatError

WIDTH = 16  # of a column


def decode_table(stream: ByteStream, rows: int, columns: int) -> NDArray[np.float64]:
    """Decode `rows` lines of `columns` finite numbers; lines may end as Unix or Windows has it."""
    width = WIDTH * columns
    first = stream.read_exact(width + 1, "text")
    end = b"\r\n" if first[width:] == b"\r" else b"\n"
    line = width + len(end)
    text = first + stream.read_exact(rows * line - len(first), "text")
    stream.expect_end()
    lines = np.frombuffer(text, np.uint8).reshape(rows, line)
    wrong = (lines[:, width:] != np.frombuffer(end, np.uint8)).any(axis=1)
    if wrong.any():
        raise FormatError(f"{stream.label}: line {int(wrong.argmax()) + 1} is not {width} long")
    fields = np.ascontiguousarray(lines[:, :width]).view(f"S{WIDTH}")
    try:
        values: NDArray[np.float64] = fields.astype(np.float64)
    except ValueError as error:
        raise FormatError(f"{stream.label}: expected numbers ({error})") from None
    if not np.isfinite(values).all():
        raise FormatError(f"{stream.label}: numbers must be finite")
    return values
