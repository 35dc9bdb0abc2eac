"""From what callers hold to what the core reads: data sets, blocks of rows, splits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from .. import _core
from .._validation import as_batch

__all__ = [
    "as_dataset",
    "blocks",
    "by_blocks",
    "log_odds",
    "monitor_rows",
    "output_dtype",
    "split",
    "squared_error",
    "take_rows",
    "value_range",
]

FloatArray = npt.NDArray[np.float32]

BLOCK_ROWS = 1024  # bounds the memory for sparse input and the time between two looks for Ctrl-C

# Draws of the order stream that no epoch reaches.
_SPLIT_DRAW, _MONITOR_DRAW = 2**48, 2**48 + 1


def output_dtype(X: Any) -> np.dtype[Any]:
    """float32 for float32 input, float64 for everything else, as in scikit-learn."""
    single = X.dtype.kind == "f" and X.dtype.itemsize == 4
    return np.dtype(np.float32 if single else np.float64)


def as_dataset(X: Any, op: str, device: str) -> _core.Dataset:
    """The rows of a checked dense or CSR matrix as a data set of the core, on its device."""
    if not sp.issparse(X):
        return _core.Dataset(as_batch(X, "X", op, X.shape[1], device=device), device)
    csr = sp.csr_matrix(X)
    if not csr.has_canonical_format:
        csr = csr.copy()
        csr.sum_duplicates()
    entries = csr.data[np.newaxis]
    values = as_batch(entries, "X", op, csr.nnz)[0] if csr.nnz else np.zeros(0, np.float32)
    starts = csr.indptr.astype(np.int64)
    return _core.Dataset.from_csr(starts, csr.indices.astype(np.int32), values, X.shape[1], device)


def blocks(X: Any, op: str) -> Iterator[tuple[slice, Any]]:
    """Consecutive rows of a checked dense, CSR or device matrix as float32 batches."""
    for first in range(0, X.shape[0], BLOCK_ROWS):
        rows = slice(first, min(first + BLOCK_ROWS, X.shape[0]))
        part = X[rows].toarray() if sp.issparse(X) else X[rows]
        on_device = isinstance(part, _core.DeviceArray)
        yield rows, part if on_device else as_batch(part, "X", op, X.shape[1])


def by_blocks(
    X: Any, op: str, of: Callable[[Any], Any], width: int | None = None, dtype: Any = np.float64
) -> npt.NDArray[Any]:
    """`of` of every block of checked rows, put together: (n,), or (n, width)."""
    shape = (X.shape[0],) if width is None else (X.shape[0], width)
    out = np.empty(shape, dtype)
    for rows, v in blocks(X, op):
        out[rows] = np.asarray(of(v))
    return out


def value_range(X: Any) -> tuple[float, float]:
    """Least and largest value; a device's are looked at block by block on the host."""
    if not isinstance(X, _core.DeviceArray):
        return float(X.min()), float(X.max())
    ranges = [(v.min(), v.max()) for v in (np.asarray(part) for _, part in blocks(X, "X"))]
    return float(min(low for low, _ in ranges)), float(max(high for _, high in ranges))


def take_rows(X: Any, rows: npt.NDArray[np.int64]) -> Any:
    """The named rows, in the given order."""
    return X.take(rows) if isinstance(X, _core.DeviceArray) else X[rows]


def split(X: Any, fraction: float, seed: int, op: str) -> tuple[Any, Any]:
    """Training and validation rows, drawn once and for all by the seed; None without the latter.

    Arrays of as many rows are split alike, and None into nothing.
    """
    if fraction == 0 or X is None:
        return X, None
    n = X.shape[0]
    n_valid = min(max(1, round(n * fraction)), n - 1)
    if n_valid == 0:
        raise ValueError(f"[{op}] validation_fraction needs at least 2 samples, got 1")
    order = _core.permutation(n, seed, _SPLIT_DRAW)
    return take_rows(X, np.sort(order[n_valid:])), take_rows(X, np.sort(order[:n_valid]))


def monitor_rows(X: Any, seed: int) -> Any:
    """A fixed sample of the training rows to watch: a twentieth, but 100 ... 1000 of them.

    Of arrays of as many rows the same rows, and of None nothing.
    """
    if X is None:
        return None
    n = X.shape[0]
    count = min(n, max(100, min(1000, n // 20)))
    chosen = X if count == n else take_rows(X, _core.permutation(n, seed, _MONITOR_DRAW)[:count])
    return np.asarray(chosen) if isinstance(chosen, _core.DeviceArray) else chosen


def log_odds(X: Any) -> FloatArray:
    """log(p / (1 - p)) of the columns' means p, kept at least 1 / (n + 2) from 0 and 1.

    Hinton (2012), "A practical guide to training restricted Boltzmann machines", section 8.
    """
    margin = 1.0 / (X.shape[0] + 2)
    if isinstance(X, _core.DeviceArray):
        mean = X.column_sums().astype(np.float64) / X.shape[0]
    else:
        mean = np.asarray(X.mean(axis=0, dtype=np.float64)).reshape(-1)
    p = np.clip(mean, margin, 1.0 - margin)
    return np.log(p / (1.0 - p)).astype(np.float32)


def squared_error(v: Any, v_prob: Any) -> float:
    """Sum over rows of the mean squared difference."""
    return float(np.square(np.asarray(v) - v_prob).mean(axis=1, dtype=np.float64).sum())
