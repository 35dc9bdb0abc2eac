"""Extrapolation of a fixed-point iteration, against its NumPy twin."""

from __future__ import annotations

import numpy as np
import pytest
from on_device import core
from reference_dbm import extrapolated

# Of f' that f has come down to: converging, as slowly as is trusted and slower, turning, growing.
SHRUNK = (0.5, 0.75, 0.99, -0.5, 1.5)


def step(rows: int, cols: int) -> list[np.ndarray]:
    """x, start, last and change; row r has shrunk by SHRUNK[r % 5]."""
    rng = np.random.default_rng(rows * cols)
    start, last, change = rng.random((3, rows, cols))
    change = 0.2 * (change - 0.5)
    f = change * np.resize(SHRUNK, rows)[:, None] * rng.uniform(0.95, 1.0, (rows, cols))
    return [y.astype(np.float32) for y in (start + f, start, last, change)]


@pytest.mark.parametrize("widths", [(1,), (15,), (33, 127), (257,), (64, 16, 5)], ids=str)
@pytest.mark.parametrize("rows", [1, 5, 33])
def test_extrapolate(rows: int, widths: tuple[int, ...]) -> None:
    """t is right to 1e-5: that is how f, the difference of two float32, is rounded."""
    given = step(rows, sum(widths))
    expected = extrapolated(*(y.astype(np.float64) for y in given))
    layers = list(zip(*(np.split(y, np.cumsum(widths)[:-1], axis=1) for y in given)))
    for threads in (1, 2):
        out = core.ops.extrapolate(layers, n_threads=threads)
        x, start, last, change = (np.concatenate(y, axis=1) for y in zip(*out))
        np.testing.assert_allclose(x, expected[0], atol=1e-5)
        np.testing.assert_array_equal(start, x)
        np.testing.assert_array_equal(last, given[0])
        np.testing.assert_array_equal(change, given[0] - given[1])


def test_rounding_is_not_extrapolated() -> None:
    x, start, last, change = step(5, 20)
    x = start + (x - start) * np.float32(2e-5)
    got = core.ops.extrapolate([(x, start, last, change * np.float32(2e-5))])
    np.testing.assert_array_equal(got[0][0], x)


def test_layers_that_do_not_fit() -> None:
    layer = step(3, 20)
    with pytest.raises(ValueError, match=r"\[extrapolate\] last\[1\] must have shape \(3, 20\)"):
        core.ops.extrapolate([layer, [*layer[:2], layer[2][:2], layer[3]]])
