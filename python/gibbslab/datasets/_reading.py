"""What the loaders share: argument checks, reading one verified file, the array's final form."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from gibbslab.datasets._amat import decode_amat
from gibbslab.datasets._idx import decode_idx
from gibbslab.datasets._registry import LABELLED, DataFile
from gibbslab.datasets._search import find_in, locate, verify
from gibbslab.datasets._stream import ByteStream
from gibbslab.datasets._table import WIDTH, decode_table

PathLike = str | os.PathLike[str]
_BUNDLED = Path(__file__).with_name("data")
_PIXELS = 784
_ECG_COLUMNS = 141  # the class and 140 values


class LabelledData(NamedTuple):
    """Samples and their labels: unpack as ``X, y`` or use ``.data`` and ``.target``."""

    data: NDArray[Any]
    target: NDArray[np.uint8]


def check_split(operation: str, split: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the splits that `split` stands for."""
    if not isinstance(split, str):
        raise TypeError(f"[{operation}] split must be a str, got {type(split).__name__}")
    if split == "all":
        return names
    if split not in names:
        expected = ", ".join(map(repr, names))
        raise ValueError(f"[{operation}] split must be {expected} or 'all', got {split!r}")
    return (split,)


def check_dtype(operation: str, dtype: DTypeLike, scale: bool) -> np.dtype[Any]:
    """Return `dtype` as a NumPy dtype if it can hold the values."""
    try:
        checked = np.dtype(dtype)
    except TypeError:
        raise TypeError(f"[{operation}] dtype must be a NumPy type, got {dtype!r}") from None
    if scale and checked.kind != "f":
        raise TypeError(f"[{operation}] dtype must be a float type if scale=True, got {checked}")
    if checked.kind not in "fiu" or not np.can_cast(np.uint8, checked):
        raise TypeError(f"[{operation}] dtype must be able to hold 0 to 255, got {checked}")
    return checked


@dataclass(frozen=True)
class Layout:
    """The form in which images are handed out."""

    flatten: bool
    scale: bool
    dtype: np.dtype[Any]

    def apply(self, images: NDArray[Any], peak: int) -> NDArray[Any]:
        """Return `images`, whose largest possible value is `peak`, in this form."""
        if self.flatten:
            images = images.reshape(len(images), -1)
        if self.scale:
            return np.true_divide(images, peak, dtype=self.dtype)
        return images.astype(self.dtype, copy=False)


@dataclass(frozen=True)
class Reader:
    """Finds, decodes and verifies files on behalf of the loader named `operation`."""

    operation: str
    data_dir: PathLike | None = None
    download: bool = False

    def __post_init__(self) -> None:
        if self.data_dir is not None and not isinstance(self.data_dir, str | os.PathLike):
            got = type(self.data_dir).__name__
            raise TypeError(f"[{self.operation}] data_dir must be a str or path-like, got {got}")

    def read(self, file: DataFile) -> NDArray[Any]:
        """Return the array that `file` holds."""
        path = self._find(file)
        with open(path, "rb") as handle:
            stream = ByteStream(handle, f"[{self.operation}] {path}", hashed=True)
            array: NDArray[Any]
            if file.name.endswith(".amat"):
                array = decode_amat(stream, file.n_bytes // (2 * _PIXELS), _PIXELS)
            elif file.name.endswith(".txt"):
                rows = file.n_bytes // (_ECG_COLUMNS * WIDTH + 1)
                array = decode_table(stream, rows, _ECG_COLUMNS)
            else:
                array = decode_idx(stream, file.n_bytes)
        verify(stream, file)
        return array

    def read_all(self, files: list[DataFile]) -> NDArray[Any]:
        """Return the arrays of `files`, one after the other in a single array."""
        arrays = [self.read(file) for file in files]
        return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)

    def _find(self, file: DataFile) -> Path:
        if file.dataset != "mnist-sample":
            return locate(file, self.data_dir, self.download, self.operation)
        path = find_in(_BUNDLED, file)
        if path is None:
            raise FileNotFoundError(
                f"[{self.operation}] {file.name} is missing from {_BUNDLED}: reinstall gibbslab"
            )
        return path


def load_labelled(dataset: str, split: str, reader: Reader, layout: Layout) -> LabelledData:
    """Load `split` of an MNIST-like data set."""
    splits = check_split(reader.operation, split, ("train", "test"))
    images, labels = zip(*(LABELLED[dataset, name] for name in splits))
    X = layout.apply(reader.read_all(list(images)), peak=255)
    return LabelledData(X, reader.read_all(list(labels)))
