"""The text format of the binarised MNIST files: one image per line, 0 or 1 between spaces."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gibbslab.datasets._stream import ByteStream
from gibbslab.errors import FormatError

_ZERO_SPACE = ord("0") | ord(" ") << 8
_ZERO_NEWLINE = ord("0") | ord("\n") << 8


def decode_amat(stream: ByteStream, rows: int, columns: int) -> NDArray[np.uint16]:
    """Decode `rows` lines of `columns` binary digits; the text must have exactly that form."""
    text = stream.read_exact(2 * rows * columns, "text")
    stream.expect_end()
    # A digit and its separator are one 16-bit number, so one in-place subtraction decodes the
    # digit and checks both: anything but 0 and 1 is left above 1, wrapping around if need be.
    cells = np.frombuffer(text, dtype="<u2").reshape(rows, columns)
    base = np.full(columns, _ZERO_SPACE, dtype=np.uint16)
    base[-1] = _ZERO_NEWLINE
    np.subtract(cells, base, out=cells)
    wrong = cells > 1
    if wrong.any():
        row, column = (int(i) for i in np.unravel_index(int(wrong.argmax()), wrong.shape))
        raise FormatError(
            f"{stream.label}: expected 0 or 1 and a separator at line {row + 1}, "
            f"column {column + 1}"
        )
    return cells.astype(np.uint16, copy=False)
