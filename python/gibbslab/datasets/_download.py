"""Downloads through pooch, checked against the pinned hash of the uncompressed content."""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO

from gibbslab.datasets._registry import SOURCES, DataFile
from gibbslab.datasets._stream import ByteStream
from gibbslab.errors import FormatError

_TIMEOUT_S = 20
_SLACK = 1 << 16  # what gzip may add to content that does not compress
_MAX_ARCHIVE = 1 << 26


class _BoundedBuffer(io.BytesIO):
    """Refuses to grow beyond `limit` bytes, so that a server cannot fill the memory."""

    def __init__(self, limit: int, url: str) -> None:
        super().__init__()
        self._limit = limit
        self._url = url

    def write(self, data: Any) -> int:
        if self.tell() + len(data) > self._limit:
            raise FormatError(f"[download] {self._url}: more than {self._limit} bytes")
        return super().write(data)


def _downloader(file: DataFile) -> Any:
    """A pooch downloader that stores the uncompressed bytes, on which pooch checks the hash."""
    import pooch

    http = pooch.HTTPDownloader(timeout=_TIMEOUT_S)

    def download(url: str, output_file: str, owner: Any) -> None:
        archived = bool(SOURCES[file.dataset].archive)
        buffer = _BoundedBuffer(_MAX_ARCHIVE if archived else file.n_bytes + _SLACK, url)
        http(url, buffer, owner)
        buffer.seek(0)
        unpack = _member if archived else _content
        Path(output_file).write_bytes(unpack(buffer, file, url))

    return download


def _content(buffer: BinaryIO, file: DataFile, url: str) -> bytes:
    stream = ByteStream(buffer, f"[download] {url}")
    content = stream.read_exact(file.n_bytes, "content")
    stream.expect_end()
    return bytes(content)


def _member(buffer: BinaryIO, file: DataFile, url: str) -> bytes:
    """The text `file` of a zip archive, with lines that end as Unix has it."""
    try:
        with zipfile.ZipFile(buffer) as archive, archive.open(file.name) as member:
            text = member.read(2 * file.n_bytes)
    except (zipfile.BadZipFile, zlib.error, KeyError, RuntimeError, EOFError) as error:
        raise FormatError(f"[download] {url}: no {file.name} in it ({error})") from None
    return text.replace(b"\r\n", b"\n")


def _short(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}"


def fetch(file: DataFile, folder: Path) -> tuple[Path | None, list[str]]:
    """Download `file` into `folder` from the first mirror that has it.

    Returns
    -------
    path : Path or None
        The stored file, uncompressed and verified; None if no mirror served it.
    notes : list of str
        Why each mirror that was tried failed.
    """
    source = SOURCES[file.dataset]
    try:
        import pooch
    except ImportError:
        return None, ['download: pooch is not installed (pip install "gibbslab[data]")']
    notes = []
    for mirror in source.mirrors:
        url = mirror + (source.archive or file.name + (".gz" if source.packed else ""))
        try:
            stored = pooch.retrieve(
                url, f"sha256:{file.sha256}", file.name, folder, downloader=_downloader(file)
            )
        except (OSError, ValueError) as error:
            notes.append(f"download: {url}: {_short(error)}")
        else:
            return Path(stored), notes
    return None, notes
