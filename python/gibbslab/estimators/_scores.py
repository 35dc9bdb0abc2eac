"""Pseudo-likelihoods: of single rows by one random unit, and of watched rows, exactly; and
draws that belong to a row, wherever it stands."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .. import _core
from ..models import RBM
from ._data import blocks, take_rows

__all__ = ["hashed_uniforms", "stochastic_pseudo_likelihood", "watched_pseudo_likelihood"]

Words = npt.NDArray[np.uint64]


def _mixed(words: Words) -> Words:
    """The finaliser of SplitMix64 (Steele, Lea and Flood 2014): every bit in, every bit out."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def _row_words(X: Any, op: str) -> Words:
    """A 64-bit hash of every row, the same for dense and sparse input."""
    steps = np.arange(1, X.shape[1] + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    factors = _mixed(steps) | np.uint64(1)
    out = np.empty(X.shape[0], np.uint64)
    for rows, block in blocks(X, op):
        bits = (block + np.float32(0)).view(np.uint32)  # the sum makes -0 a 0
        out[rows] = (bits ^ (bits >> np.uint32(23))) @ factors
    return out


def _occurrence(words: Words) -> Words:
    """For each entry, how many equal ones come before it."""
    order = np.argsort(words, kind="stable")
    ordered = words[order]
    first = np.concatenate(([True], ordered[1:] != ordered[:-1]))
    position = np.arange(len(words))
    rank = np.empty(len(words), np.uint64)
    rank[order] = position - np.maximum.accumulate(np.where(first, position, 0))
    return rank


def hashed_uniforms(X: npt.NDArray[np.float32], n: int, seed: int) -> npt.NDArray[np.float64]:
    """Uniforms in [0, 1), n for every row, by a hash of seed and row: copies share theirs."""
    words = _row_words(X, "score_samples") ^ _mixed(np.array([seed % 2**64], np.uint64))
    steps = np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    bits = _mixed(words[:, None] + steps[None, :]) >> np.uint64(11)
    return bits * 2.0**-53


def _chosen_units(X: Any, seed: int, op: str) -> npt.NDArray[np.int64]:
    words = _row_words(X, op)
    # Copies of a row choose afresh, or a data set of few distinct rows would be judged by few bits.
    salt = _mixed(_occurrence(words) + np.uint64(seed))
    high = _mixed(words ^ salt) >> np.uint64(32)
    return ((high * np.uint64(X.shape[1])) >> np.uint64(32)).astype(np.int64)


def stochastic_pseudo_likelihood(model: RBM, X: Any, seed: int, op: str) -> npt.NDArray[np.float64]:
    """V log p(v_i | the other units), with one unit i per row drawn by a hash of seed and row.

    Its mean over seeds is the exact pseudo-likelihood. A row's value does not depend on its
    place among the others.

    Parameters
    ----------
    model : RBM
        The model.
    X : ndarray or CSR matrix of shape (n, V)
        Checked data; grey values count as 1 - v when a unit is flipped.
    seed : int
        0 ... 2**64 - 1.
    op : str
        Operation, for messages.

    Returns
    -------
    ndarray of shape (n,), float64
    """
    X = np.asarray(X) if isinstance(X, _core.DeviceArray) else X  # rows are hashed on the host
    units = _chosen_units(X, seed, op)
    out = np.empty(X.shape[0])
    for rows, block in blocks(X, op):
        flipped = block.copy()
        at = np.arange(len(block)), units[rows]
        flipped[at] = 1 - flipped[at]
        rise = model.free_energy(flipped) - model.free_energy(block)
        out[rows] = -X.shape[1] * np.logaddexp(0, -rise)
    return out


# Units times rows times hidden units: some 50 ms, beside an epoch of seconds.
_WATCHED_TERMS = 40_000_000
_WATCHED_STREAM = (2**48 + 2) << 8 | 2  # no draw of training is as far


def watched_pseudo_likelihood(model: RBM, X: Any, op: str) -> float:
    """The exact mean pseudo-likelihood of rows of X, evenly spaced, as many as are cheap.

    One unit per row would leave an error of several nats. Grey values are probabilities of one
    0/1 draw, the same at every call, so that a curve shows the model's change and nothing else.
    """
    n, units = X.shape
    count = max(1, min(n, _WATCHED_TERMS // (units * model.h_size)))
    chosen = take_rows(X, np.linspace(0, n - 1, count).astype(np.int64))
    if isinstance(chosen, _core.DeviceArray):
        chosen = np.asarray(chosen)
    total = 0.0
    for rows, v in blocks(chosen, op):
        u = _core.uniform(len(v), units, model.seed, _WATCHED_STREAM, rows.start)
        total += float(model.pseudo_likelihood((u < v).astype(np.float32)).sum())
    return total / count
