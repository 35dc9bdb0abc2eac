"""A bounded, strict reader of plain and gzip files."""

from __future__ import annotations

import hashlib
import zlib
from typing import BinaryIO

from gibbslab.errors import FormatError

_CHUNK = 1 << 18
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WBITS = 31  # zlib's code for "a gzip wrapper, checksum verified"


class _GzipReader:
    """Inflates one gzip member; `read` never returns, nor buffers, more than asked for.

    Files of several members are refused: no data set uses them, and a run of empty members would
    cost time without end.
    """

    def __init__(self, file: BinaryIO, label: str) -> None:
        self._file = file
        self._label = label
        self._inflater = zlib.decompressobj(_GZIP_WBITS)

    def read(self, limit: int) -> bytes:
        while not self._inflater.eof:
            packed = self._inflater.unconsumed_tail or self._file.read(_CHUNK)
            piece = self._inflate(packed, limit)
            if piece:
                return piece
            if not packed and not self._inflater.eof:
                raise FormatError(f"{self._label}: gzip stream is truncated")
        if self._inflater.unused_data or self._file.read(1):
            raise FormatError(f"{self._label}: bytes follow the end of the gzip stream")
        return b""

    def _inflate(self, packed: bytes, limit: int) -> bytes:
        try:
            return self._inflater.decompress(packed, limit)
        except zlib.error as error:
            raise FormatError(f"{self._label}: gzip stream is damaged ({error})") from None


class ByteStream:
    """Uncompressed bytes of a plain or gzip file, read in pieces of known size.

    Memory grows with the bytes that the file really holds, never with what a header claims.

    Parameters
    ----------
    file : binary file
        Seekable; gzip is recognised by its first two bytes.
    label : str
        Start of every error message: the operation and the file's name.
    hashed : bool, default=False
        Whether to compute the SHA-256 of the uncompressed bytes.
    """

    def __init__(self, file: BinaryIO, label: str, *, hashed: bool = False) -> None:
        packed = file.read(2) == _GZIP_MAGIC
        file.seek(0)
        self.label = label
        self._source = _GzipReader(file, label) if packed else file
        self._sha256 = hashlib.sha256() if hashed else None

    def read_exact(self, size: int, what: str) -> bytearray:
        """Return the next `size` bytes; `what` names them in the error if there are fewer."""
        data = bytearray()
        while len(data) < size:
            piece = self._source.read(min(_CHUNK, size - len(data)))
            if not piece:
                raise FormatError(
                    f"{self.label}: {what} is truncated: expected {size} bytes, got {len(data)}"
                )
            data += piece
        if self._sha256 is not None:
            self._sha256.update(data)
        return data

    def expect_end(self) -> None:
        """Raise `FormatError` unless every byte has been read."""
        if self._source.read(1):
            raise FormatError(f"{self.label}: file is longer than its header says")

    def hexdigest(self) -> str:
        """SHA-256 of everything read so far, in hexadecimal."""
        return "" if self._sha256 is None else self._sha256.hexdigest()
