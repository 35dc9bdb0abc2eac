"""Atomic writes: after a crash at any point the old or the new file is there, complete."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # not a POSIX system: temporaries of crashed writers then stay
    fcntl = None  # type: ignore[assignment]

__all__ = ["write_atomically"]

_SUFFIX = ".gibbslab-tmp"
_CHUNK = 1 << 20


def write_atomically(path: str | os.PathLike[str], content: bytes, op: str = "save") -> None:
    """Replace the file at `path` by `content`, or leave it as it is.

    The content goes to a temporary file in the same folder, which is synchronised, renamed and
    the folder synchronised. Temporaries that crashed writers of this file left are removed.

    Parameters
    ----------
    path : str or path-like
        File to write; a link is followed.
    content : bytes
        The whole file.
    op : str
        Operation, for messages.

    Raises
    ------
    OSError
        If the file cannot be written, with path and bytes needed; the old file is kept.
    """
    target = Path(os.path.realpath(os.fspath(path)))
    try:
        _remove_stale(target)
        with _temporary(target) as (descriptor, temporary):
            _write_all(descriptor, content)
            os.fsync(descriptor)
            os.replace(temporary, target)
        _sync_folder(target.parent)
    except OSError as error:
        message = f"[{op}] {len(content)} bytes could not be written to {target}: {error.strerror}"
        raise OSError(error.errno, message) from error


def _lock(descriptor: int, *, wait: bool) -> bool:
    """Mark an open temporary as in use; False where it is already, or locks are not to be had."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True


def _create(target: Path) -> tuple[int, Path]:
    """A new, locked file beside `target`."""
    while True:
        path = target.with_name(f".{target.name}.{secrets.token_hex(8)}{_SUFFIX}")
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        _lock(descriptor, wait=True)
        if os.path.exists(path):
            return descriptor, path
        os.close(descriptor)  # another writer removed it as stale before it was locked


@contextlib.contextmanager
def _temporary(target: Path) -> Iterator[tuple[int, Path]]:
    """A new file beside `target`, removed if it is still there in the end."""
    descriptor, path = _create(target)
    try:
        yield descriptor, path
    finally:
        os.close(descriptor)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def _write_all(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest[:_CHUNK]) :]


def _sync_folder(folder: Path) -> None:
    if fcntl is None:
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_stale(target: Path) -> None:
    """Remove temporaries of `target` whose writers are gone, which released their locks."""
    with contextlib.suppress(OSError):
        for name in os.listdir(target.parent):
            if name.startswith(f".{target.name}.") and name.endswith(_SUFFIX):
                _remove_if_unused(target.with_name(name))


def _remove_if_unused(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if _lock(descriptor, wait=False):
            os.unlink(path)
    finally:
        os.close(descriptor)
