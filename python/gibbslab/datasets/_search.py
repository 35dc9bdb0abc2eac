"""Where data files are looked for, and the proof that a file holds what it should."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from gibbslab.datasets import _download
from gibbslab.datasets._registry import FILES, SOURCES, DataFile
from gibbslab.datasets._stream import ByteStream
from gibbslab.errors import FormatError

SYSTEM_DIR = Path("/usr/share/datasets")  # Debian's dataset-fashion-mnist installs here


def cache_dir() -> Path:
    """Folder for downloads: ``GIBBSLAB_CACHE_DIR``, else the platform's cache folder."""
    chosen = os.environ.get("GIBBSLAB_CACHE_DIR")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home(), "gibbslab", "Cache")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "gibbslab"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "gibbslab")


def _places(data_dir: str | os.PathLike[str] | None) -> list[tuple[str, Path | None]]:
    environment = os.environ.get("GIBBSLAB_DATA_DIR")
    return [
        ("data_dir argument", Path(data_dir).expanduser() if data_dir is not None else None),
        ("GIBBSLAB_DATA_DIR", Path(environment).expanduser() if environment else None),
        ("cache", cache_dir()),
        ("system folder", SYSTEM_DIR),
    ]


def find_in(folder: Path, file: DataFile) -> Path | None:
    """Path of `file` in `folder`, in one of the data set's subfolders or directly, or None."""
    for subfolder in (file.dataset, *SOURCES[file.dataset].aliases, "."):
        for suffix in ("", ".gz"):
            path = folder / subfolder / (file.name + suffix)
            if os.path.isfile(path):
                return path
    return None


def locate(
    file: DataFile, data_dir: str | os.PathLike[str] | None, download: bool, operation: str
) -> Path:
    """Find `file` in the documented order, downloading it if allowed, or say what was tried."""
    tried = []
    for place, folder in _places(data_dir):
        if folder is None:
            tried.append(f"{place}: not set")
            continue
        path = find_in(folder, file)
        if path is not None:
            return path
        found = "has no such file" if os.path.isdir(folder) else "is no folder"
        tried.append(f"{place}: {folder} {found}")
    if not download:
        tried.append("download: switched off by download=False")
    else:
        path, notes = _download.fetch(file, cache_dir() / file.dataset)
        if path is not None:
            return path
        tried += notes
    raise FileNotFoundError(_not_found(file, tried, operation))


def _not_found(file: DataFile, tried: list[str], operation: str) -> str:
    hint = " load_mnist_sample() needs no file." if file.dataset == "mnist" else ""
    lines = "".join(f"\n  {line}" for line in tried)
    return (
        f"[{operation}] {file.name} (or {file.name}.gz) was not found. Tried:{lines}\n"
        f"Put it into the subfolder {file.dataset} of a folder and name that folder in data_dir "
        f"or GIBBSLAB_DATA_DIR.{hint}"
    )


def verify(stream: ByteStream, file: DataFile) -> None:
    """Raise `FormatError` unless what was read from `stream` is, bit for bit, `file`."""
    digest = stream.hexdigest()
    if digest in (file.sha256, file.windows_sha256):
        return
    for other in FILES:
        if digest == other.sha256:
            found = f"the content is that of {other.dataset}/{other.name}"
            break
    else:
        found = f"sha256 of the content is {digest}"
    raise FormatError(
        f"{stream.label}: {found}, expected {file.dataset}/{file.name} with {file.sha256}; "
        "replace or delete the file"
    )
