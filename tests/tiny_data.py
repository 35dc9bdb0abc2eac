"""Small stand-ins for the published data files, registered with their own hashes."""

from __future__ import annotations

import gzip
import hashlib
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from gibbslab.datasets import _registry, _search
from gibbslab.datasets._registry import DataFile

COUNTS = {"train": 7, "test": 3, "valid": 2}
CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def encode_idx(array: np.ndarray) -> bytes:
    """IDX file of `array`, whose type must be one that the format knows."""
    code = CODES[array.dtype.str[1:]]
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def encode_amat(array: np.ndarray) -> bytes:
    """Text of 0 and 1 as in the binarised MNIST files."""
    return b"".join(b" ".join(b"%d" % value for value in row) + b"\n" for row in array)


def images(seed: int, count: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 28, 28), dtype=np.uint8)


def labels(seed: int, count: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 10, count, dtype=np.uint8)


def bits(split: str) -> np.ndarray:
    count = COUNTS[split]
    return np.random.default_rng(count).integers(0, 2, (count, 784), dtype=np.uint8)


def _file(old: DataFile, content: bytes) -> DataFile:
    return DataFile(old.dataset, old.name, len(content), hashlib.sha256(content).hexdigest())


def contents(dataset: str) -> dict[str, bytes]:
    """Name to uncompressed content of every tiny file of `dataset`."""
    if dataset == "binarized-mnist":
        files = _registry.BINARIZED.items()
        return {file.name: encode_amat(bits(split)) for split, file in files}
    result = {}
    seed = len(dataset)
    for split in ("train", "test"):
        image_file, label_file = _registry.LABELLED[dataset, split]
        result[image_file.name] = encode_idx(images(seed, COUNTS[split]))
        result[label_file.name] = encode_idx(labels(seed, COUNTS[split]))
    return result


def register(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the loaders expect the tiny files instead of the published ones."""
    for (dataset, split), pair in list(_registry.LABELLED.items()):
        if dataset != "mnist-sample":
            new = tuple(_file(old, contents(dataset)[old.name]) for old in pair)
            monkeypatch.setitem(_registry.LABELLED, (dataset, split), new)
    for split, old in list(_registry.BINARIZED.items()):
        new_file = _file(old, contents("binarized-mnist")[old.name])
        monkeypatch.setitem(_registry.BINARIZED, split, new_file)
    pairs = (file for pair in _registry.LABELLED.values() for file in pair)
    monkeypatch.setattr(_search, "FILES", (*pairs, *_registry.BINARIZED.values()))


def write(folder: Path, dataset: str, *, packed: bool = False) -> Path:
    """Write the tiny files of `dataset` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents(dataset).items():
        if packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)
    return folder


@contextmanager
def isolated(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[None]:
    """Tiny files registered; no data in the environment, the cache or the system."""
    register(monkeypatch)
    monkeypatch.delenv("GIBBSLAB_DATA_DIR", raising=False)
    monkeypatch.setenv("GIBBSLAB_CACHE_DIR", str(folder / "cache"))
    monkeypatch.setattr(_search, "SYSTEM_DIR", folder / "system")
    yield
