"""Data sets by name or from a file, as rows in [0, 1]."""

from __future__ import annotations

import warnings
import zipfile
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import datasets
from ..errors import FormatError

Rows = NDArray[np.float32]

LOADERS = {
    "mnist": datasets.load_mnist,
    "fashion-mnist": datasets.load_fashion_mnist,
    "mnist-sample": datasets.load_mnist_sample,
    "binarized-mnist": datasets.load_binarized_mnist,
}
SUFFIXES = (".npy", ".npz", ".csv")
N_DIGITS_TRAIN = 1437


def load_data(options: Namespace) -> Rows:
    """The rows that ``--data``, ``--split``, ``--data-dir`` and ``--n-samples`` name."""
    name = options.data
    if name == "digits":
        rows = _digits(options.split)
    elif name in LOADERS:
        rows = _named(name, options.split, options.data_dir)
    else:
        rows = _from_file(name)
    return rows[: options.n_samples]


def _named(name: str, split: str, data_dir: str | None) -> Rows:
    place = {} if name == "mnist-sample" else {"data_dir": data_dir}
    loaded: Any = LOADERS[name](split, **place)  # type: ignore[operator]
    return loaded if isinstance(loaded, np.ndarray) else loaded.data


def _digits(split: str) -> Rows:
    if split == "valid":
        raise ValueError("digits has no split 'valid', only 'train', 'test' and 'all'")
    part = {
        "train": slice(None, N_DIGITS_TRAIN),
        "test": slice(N_DIGITS_TRAIN, None),
        "all": slice(None),
    }
    return datasets.load_digits().data[part[split]]


def _from_file(name: str) -> Rows:
    path = Path(name)
    if path.suffix.lower() not in SUFFIXES:
        known = ", ".join([*LOADERS, "digits"])
        raise ValueError(f"--data must be one of {known} or a {', '.join(SUFFIXES)} file: {name}")
    if not path.is_file():
        raise FileNotFoundError(f"{name}: no such file")
    try:
        array = _read(path)
    except (ValueError, EOFError, zipfile.BadZipFile, KeyError) as error:
        raise FormatError(f"{name}: cannot be read as {path.suffix} ({error})") from error
    return _as_rows(array, name)


def _read(path: Path) -> NDArray[Any]:
    if path.suffix.lower() == ".csv":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of an empty file, refused below
            return np.loadtxt(path, delimiter=",", dtype=np.float64, ndmin=2)
    loaded = np.load(path, allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        return loaded
    with loaded:
        names = loaded.files
        if "X" not in names and len(names) != 1:
            raise ValueError(f"must hold an array X or a single one, has {names}")
        return loaded["X" if "X" in names else names[0]]


def _as_rows(array: NDArray[Any], name: str) -> Rows:
    if array.dtype.kind not in "buif":
        raise FormatError(f"{name}: must hold numbers, has dtype {array.dtype}")
    if array.ndim < 2 or array.size == 0:
        raise FormatError(f"{name}: must hold one image in a row, has shape {array.shape}")
    low, high = array.min(), array.max()
    grey = high > 1 and bool((array == np.floor(array)).all())
    if not (low >= 0 and high <= (255 if grey else 1)):
        raise FormatError(
            f"{name}: values must lie in [0, 1] or be whole numbers from 0 to 255, "
            f"got {low} to {high}"
        )
    rows = array.reshape(len(array), -1).astype(np.float32)
    return rows / np.float32(255) if grey else rows
