"""Reading safetensors files that anyone may have written.

Everything is checked here before the safetensors library sees the bytes. Memory stays below
three times the size of the file, which is limited, plus 128 MiB for the header's JSON.
"""

from __future__ import annotations

import hashlib
import os
import struct
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt
import safetensors
import safetensors.numpy

from ..errors import FormatError
from ._json import MAX_JSON_BYTES, parse_json

__all__ = ["FORMAT_VERSION", "KEY", "MAX_FILE_BYTES", "UNSEALED", "Document", "decode", "read"]

FORMAT_VERSION = 1
KEY = "gibbslab"  # the one entry of the file's metadata
UNSEALED = "0" * 64  # in the digest's place while it is computed
MAX_FILE_BYTES = 4 << 30
_WIDTH = {"F32": 4, "U8": 1}
_MAX_TENSORS = 512  # a parameter and its two averages are three


@dataclass(frozen=True)
class Document:
    """A file whose form is sound; what it says is still to be judged."""

    metadata: dict[str, Any]
    tensors: dict[str, npt.NDArray[Any]]


def read(path: str | os.PathLike[str], max_bytes: int = MAX_FILE_BYTES) -> Document:
    """Read and check a file; `FormatError` names the field that is wrong."""
    where = f"[load] {os.fspath(path)!s}:"
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > max_bytes:
            raise FormatError(f"{where} file must have at most {max_bytes} bytes, got {size}")
        header_bytes = _header_length(file.read(8), size, where)
        file.seek(0)
        # The data are read only once the header has accounted for their size.
        head = file.read(8 + header_bytes)
        _tensor_table(_header(head, header_bytes, where), size - 8 - header_bytes, where)
        file.seek(0)
        return decode(file.read(size), where)


def decode(content: bytes, where: str = "[load]") -> Document:
    """The document in the bytes of a file."""
    header_bytes = _header_length(content[:8], len(content), where)
    header = _header(content, header_bytes, where)
    metadata = _metadata(header, where)
    _tensor_table(header, len(content) - 8 - header_bytes, where)
    _check_digest(content, 8 + header_bytes, metadata, where)
    try:
        tensors = safetensors.numpy.load(content)
    except safetensors.SafetensorError as error:
        raise FormatError(f"{where} header is refused by safetensors: {error}") from None
    return Document(metadata, tensors)


def _header_length(first: bytes, size: int, where: str) -> int:
    if len(first) < 8:
        raise FormatError(f"{where} header length must have 8 bytes, got {len(first)}")
    length = int(struct.unpack("<Q", first)[0])
    most = min(size - 8, MAX_JSON_BYTES)
    if not 2 <= length <= most:
        raise FormatError(f"{where} header length must be in 2 ... {most}, got {length}")
    return length


def _header(content: bytes, length: int, where: str) -> dict[str, Any]:
    text = content[8 : 8 + length]
    if len(text) != length:
        raise FormatError(f"{where} header must have {length} bytes, got {len(text)}")
    return parse_json(text, f"{where} header")


def _metadata(header: dict[str, Any], where: str) -> dict[str, Any]:
    found = header.get("__metadata__")
    if not isinstance(found, dict) or list(found) != [KEY] or not isinstance(found[KEY], str):
        raise FormatError(f"{where} __metadata__ must have {KEY!r} and nothing else")
    # JSON may hold half a surrogate pair, which has no bytes.
    text = found[KEY].encode("utf-8", "surrogatepass")
    metadata = parse_json(text, f"{where} __metadata__.{KEY}")
    version = metadata.get("format_version")
    if type(version) is not int or version != FORMAT_VERSION:
        raise FormatError(f"{where} format_version must be {FORMAT_VERSION}, got {version!r}")
    return metadata


def _tensor_table(header: dict[str, Any], data_bytes: int, where: str) -> None:
    """Tensors fill the data exactly, in order, without overlap."""
    entries = {name: value for name, value in header.items() if name != "__metadata__"}
    if len(entries) > _MAX_TENSORS:
        raise FormatError(f"{where} header must name at most {_MAX_TENSORS} tensors")
    spans = sorted(_span(entry, f"{where} tensor {name!r}") for name, entry in entries.items())
    at = 0
    for begin, end in spans:
        if begin != at:
            raise FormatError(f"{where} data_offsets must leave no gap, got {begin} after {at}")
        at = end
    if at != data_bytes:
        raise FormatError(f"{where} data_offsets must end at {data_bytes}, got {at}")


def _span(entry: Any, where: str) -> tuple[int, int]:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise FormatError(f"{where} must have dtype, shape and data_offsets and nothing else")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _WIDTH:
        raise FormatError(f"{where} dtype must be one of {sorted(_WIDTH)}")
    if not _counts(shape) or not 1 <= len(shape) <= 2 or 0 in shape:
        raise FormatError(f"{where} shape must be one or two positive integers")
    if not _counts(offsets) or len(offsets) != 2:
        raise FormatError(f"{where} data_offsets must be two integers, at least 0")
    needed = _WIDTH[dtype]
    for length in shape:
        needed *= length
    if offsets[1] - offsets[0] != needed:
        raise FormatError(f"{where} data_offsets must span {needed} bytes, got {offsets}")
    return offsets[0], offsets[1]


def _counts(value: Any) -> bool:
    return isinstance(value, list) and all(type(x) is int and x >= 0 for x in value)


def _check_digest(content: bytes, header_end: int, metadata: dict[str, Any], where: str) -> None:
    stated = metadata.get("sha256")
    if not isinstance(stated, str) or len(stated) != 64 or not stated.isascii():
        raise FormatError(f"{where} sha256 must be 64 hexadecimal digits")
    at = content.find(stated.encode(), 0, header_end)
    if at < 0:
        raise FormatError(f"{where} sha256 must be written plainly")
    actual = hashlib.sha256(content[:at])
    actual.update(UNSEALED.encode())
    actual.update(memoryview(content)[at + 64 :])
    if actual.hexdigest() != stated:
        raise FormatError(f"{where} sha256 must be {actual.hexdigest()}, got {stated}: damaged")
